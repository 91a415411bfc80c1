using QLora.Autograd;
using QLora.Backends.Planning;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Planning;

/// <summary>
/// A training run on a backend that only counts: the model is made as from its checkpoint, and some steps are taken with the engine's own code, so that memory is what
/// that code takes.
/// </summary>
internal sealed class DryRun : IDisposable
{
    // The first step fills the pool, the second runs on what it left, and what no step needs is given back after each.
    private const int Steps = 3;

    private readonly PlanningBackend _backend;
    private readonly CausalLanguageModel _model;
    private readonly PlannedRun _run;

    /// <summary>Makes the model.</summary>
    /// <param name="file">Its files.</param>
    /// <param name="weights">How its weights are stored there.</param>
    /// <param name="quantization">How they would be stored.</param>
    /// <param name="run">What is trained, and on what.</param>
    /// <param name="backend">What counts; it goes with the run.</param>
    public DryRun(ModelFile file, WeightSource weights, QuantizationOptions quantization, PlannedRun run, PlanningBackend backend)
    {
        _backend = backend;
        _run = run;
        var builder = new PlannedBuilder(weights, _backend, quantization);
        _model = file.Family.Create(file.Config, builder);
        _model.ComputeDType = run.ComputeDType;
        LoadingBytes = builder.PeakBytes;
        if (run.Lora is { } lora) _model.Adapters.AddUnfilled(lora);
        else _model.TrainAllWeights();
    }

    /// <summary>The peak of resident memory while the model is made, beside the process.</summary>
    public long LoadingBytes { get; }

    /// <summary>Bytes of the weights as the model keeps them.</summary>
    public long WeightBytes => _model.Modules.Sum(module => module.Bytes);

    /// <summary>Bytes of what is trained beside the model's own weights, with its gradients, and moments that are not paged.</summary>
    public long TrainedBytes { get; private set; }

    /// <summary>The peak of resident memory over loading and training, beside the process.</summary>
    public long PeakBytes => Math.Max(LoadingBytes, _backend.Memory.PeakResident);

    /// <summary>The most that buffers hold at once.</summary>
    public long PoolBytes => _backend.Memory.PeakInUse;

    /// <summary>Page-locked memory of the host at its peak.</summary>
    public long PinnedBytes => _backend.PinnedMemory.PeakResident;

    /// <summary>Takes the steps.</summary>
    public void Train()
    {
        if (_run.Lora is not null) _model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(_backend, _model.TrainableParameters, new AdamWOptions(Kind: _run.Optimizer));
        TrainedBytes = optimizer.MomentBytes
            + optimizer.Parameters.Sum(parameter => parameter.Gradient!.Value.Bytes + (_run.Lora is null ? 0 : parameter.Value.Bytes));
        var step = new TrainingStep(_model, optimizer, maxGradientNorm: 1, _run.GradientCheckpointing, seed: 0);
        var batch = _run.Batch();
        for (var i = 0; i < Steps; i++) step.Run([batch], learningRate: 0);
        if (_run.EvaluationBatch() is not { } evaluation) return;
        using var context = new ForwardContext(_model, evaluation);
        context.CrossEntropySum(_model.Forward(context), _model.LmHead);
    }

    /// <summary>What a forward pass keeps for the backward pass, part by part. After <see cref="Train"/>, when all tables are there.</summary>
    public List<PlannedLayer> SavedLayers()
    {
        if (_run.Lora is not null) _model.Adapters.Train();
        var layers = new List<PlannedLayer>();
        var before = 0L;
        void Note(string name)
        {
            if (_backend.Memory.InUse is var now && now > before) layers.Add(new PlannedLayer(name, now - before));
            before = now;
        }

        before = _backend.Memory.InUse;
        using var context = new ForwardContext(_model, _run.Batch(), new ForwardOptions(Record: true, _run.GradientCheckpointing, new DropoutSource(0, 0)))
        {
            BlockReached = (block, _) =>
            {
                if (block == 0) Note("inputs and embeddings");
            },
            BlockDone = block => Note($"block {block}"),
        };
        _model.Forward(context);
        Note("final norm");
        return layers;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        _backend.Dispose();
    }
}
