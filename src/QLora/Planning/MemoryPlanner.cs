using QLora.Autograd;
using QLora.Backends;
using QLora.Backends.Planning;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Training;

namespace QLora.Planning;

/// <summary>
/// Computes what a training run will need before a weight is read: the model's own passes run on a <see cref="PlanningBackend"/>, which takes from its pool what the backend
/// would take and computes nothing.
/// </summary>
/// <example>
/// <code>
/// using var file = ModelFile.Open("my-model");
/// using var backend = new CpuBackend();
/// var planner = new MemoryPlanner(file, backend);
/// var plan = planner.Plan(new PlannedRun { BatchSize = 8, MaxLength = 512 });
/// if (!plan.Fits(4L &lt;&lt; 30)) plan = planner.FirstThatFits(plan.Run, 4L &lt;&lt; 30);
/// </code>
/// </example>
public sealed class MemoryPlanner
{
    // What the runtime adds to the process during a run, for methods that are compiled and objects that are made: 9 to 15 MB were measured, whatever the run.
    private const long RuntimeGrowth = 12 << 20;

    private readonly ModelFile _file;
    private readonly WeightSource _weights;
    private readonly OpWorkspaces _workspaces;
    private readonly QuantizationOptions _quantization;
    private long? _processBytes;

    /// <summary>Looks whether the checkpoint fits the model, as loading does.</summary>
    /// <param name="file">The model; of a folder without weights, those are taken to be in bfloat16.</param>
    /// <param name="backend">What the run would run on; nothing is allocated there.</param>
    /// <param name="quantization">How linear weights would be stored; NF4 with double quantisation when null.</param>
    /// <exception cref="QLoraException">A tensor is missing, extra, misshapen or in a format that cannot be read.</exception>
    public MemoryPlanner(ModelFile file, Backend backend, QuantizationOptions? quantization = null) : this(file, backend.Workspaces, quantization) { }

    /// <summary>The same for a device that need not be there.</summary>
    /// <param name="file">The model; of a folder without weights, those are taken to be in bfloat16.</param>
    /// <param name="workspaces">Of the backend that the run would run on; see <see cref="Devices.WorkspacesOf"/>.</param>
    /// <param name="quantization">How linear weights would be stored; NF4 with double quantisation when null.</param>
    /// <exception cref="QLoraException">A tensor is missing, extra, misshapen or in a format that cannot be read.</exception>
    public MemoryPlanner(ModelFile file, OpWorkspaces workspaces, QuantizationOptions? quantization = null)
    {
        (_file, _workspaces, _quantization) = (file, workspaces, quantization ?? new QuantizationOptions());
        _weights = file.Weights ?? new AssumedWeights(file);
        if (file.Weights is not null) CheckpointCheck.Fits(_weights, file.Modules);
    }

    /// <summary>The plan of a run.</summary>
    /// <exception cref="QLoraException">A setting is out of range or not for the device, a target matches nothing, or every weight of a model in 4 bits is to be trained.</exception>
    public MemoryPlan Plan(PlannedRun run)
    {
        run.Validated().GradientCheckpointing.CheckedFor(_workspaces.OwnMemory);
        var taken = _workspaces.OwnMemory ? run : run with { Optimizer = run.Optimizer.Unpaged() }; // there is nowhere to page to
        using var bare = new DryRun(_file, _weights, _quantization, taken, new PlanningBackend(OpWorkspaces.None));
        using var real = new DryRun(_file, _weights, _quantization, taken, new PlanningBackend(_workspaces));
        bare.Train();
        real.Train();
        var layers = real.SavedLayers();

        // What the ops need for themselves is what the same run needs more because of it; what is neither that nor kept throughout belongs to the passes.
        var workspace = Math.Max(0, real.PoolBytes - bare.PoolBytes);
        var process = _workspaces.OwnMemory ? _workspaces.DriverBytes : _processBytes ??= ProcessBytes();
        return new MemoryPlan(run)
        {
            WeightsBytes = real.WeightBytes,
            AdapterBytes = real.TrainedBytes,
            ActivationsBytes = real.PeakBytes - real.WeightBytes - real.TrainedBytes - workspace,
            WorkspaceBytes = workspace,
            ProcessBytes = process,
            OnGpu = _workspaces.OwnMemory,
            PinnedBytes = real.PinnedBytes,
            PoolBytes = real.PoolBytes,
            LoadingBytes = process + real.LoadingBytes,
            Layers = layers,
        };
    }

    /// <summary>
    /// The plan of the first run that fits, of those that <paramref name="run"/> becomes by gradient checkpointing, then smaller micro-batches with as many more of them, then
    /// offloading where the device can, then BFloat16, then shorter examples, then a lower rank; null when none does.
    /// </summary>
    /// <param name="run">What was wanted.</param>
    /// <param name="memory">Bytes that there are.</param>
    public MemoryPlan? FirstThatFits(PlannedRun run, long memory) => SmallerRuns.Of(run, _workspaces.OwnMemory).Select(Plan).FirstOrDefault(plan => plan.Fits(memory));

    private long ProcessBytes()
    {
        _weights.ReleasePages(); // as loading does, and a run gives its garbage back before its first step
        ProcessMemory.GiveBackGarbage();
        return Environment.WorkingSet + RuntimeGrowth;
    }
}
