using System.CommandLine;
using QLora.Adapters;
using QLora.Backends;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Cli.Planning;
using QLora.Models;
using QLora.Planning;

namespace QLora.Cli.Commands;

/// <summary><c>qlora plan</c>: the memory that a training run would need. No weight is read.</summary>
internal sealed class PlanCommand : CliCommand
{
    private readonly ModelOptions _model = new(new QuantizationOptions(), "An adapter to continue from; its own rank and targets hold");
    private readonly Option<long?> _memory = MemoryOption.New("Memory that there is: 600MB, 8GiB [default: what this process may use, or all that a GPU has]");
    private readonly Option<Method?> _method = MethodOption.New();
    private readonly LoraOptions _lora = new();
    private readonly DataOptions _data = new();
    private readonly TrainingOptionGroup _training = new();

    public PlanCommand() : base("plan", "Show the memory that a training run would need, whether there is as much, and what would fit if there is not; exit code 1 when it does not fit")
    {
        Add(_model.Model);
        Add(_memory);
        Add(_lora);
        Add(_data);
        Add(_training);
        Add(_method);
        foreach (var option in _model.LoadOptions.Prepend(_model.AdapterOption)) Add(option);
        Add(ConfigOption);
        Refuse(result => result.IsFull(_method) && IsGiven(result, [.. _lora.All, .. _model.QuantizationOptions, _model.AdapterOption]), "--method full trains every weight in full precision, and takes no option of an adapter or of quantisation");
        Refuse(result => IsGiven(result, _model.AdapterOption) && IsGiven(result, [.. _lora.All]), "--adapter brings its own settings; leave out --rank, --alpha, --dropout, --target-modules and --use-rslora");
    }

    /// <inheritdoc/>
    public override Option<string?> ConfigOption { get; } = OptionsFile.NewOption();

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("What a run on this machine would need", "qlora plan --model my-model --rank 16 --batch-size 8 --max-length 512"),
        new("Whether it fits into 8 GiB, and what would", "qlora plan --model llama-2-7b --batch-size 8 --max-length 2048 --gradient-checkpointing false --memory 8GiB"),
        new("On a GPU that need not be here", "qlora plan --model llama-3.1-8b --device cuda --compute-dtype bfloat16 --max-length 2048 --memory 8GiB"),
        new("For a script", "qlora plan --model model.gguf --memory 600MB --json"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        using var file = _model.Open(context);
        var full = context.Get(_method) == Method.Full;
        var device = _model.Device.Name(context);
        var training = _training.Read(context, device).Validated();
        var run = new PlannedRun
        {
            Lora = full ? null : _model.Adapter(context) is { } adapter ? LoraConfig.Load(adapter) : _lora.Read(context),
            BatchSize = training.BatchSize,
            GradientAccumulationSteps = training.GradientAccumulationSteps,
            MaxLength = _data.MaxLength(context),
            GradientCheckpointing = training.GradientCheckpointing,
            Optimizer = training.Optimizer,
            ComputeDType = _model.ComputeDType(context),
        };
        if (file.Weights is null) context.Note($"{file.Path} holds no weights; they are taken to be in bfloat16");

        var text = ModelText.Of(file); // a run has it in memory, and so must the process that is measured
        var memory = context.Get(_memory) ?? Devices.MemoryOf(device)
            ?? throw new QLoraException($"there is no device {device} here, so that nobody knows its memory; say it with --memory 8GiB");
        var planner = _model.Device.Planner(context, file, full ? QuantizationOptions.None : _model.Quantization(context), memory);
        var report = PlanReport.Of(planner, run, memory);
        GC.KeepAlive(text);
        context.Result(report.ToJson(), report.Write);
        return report.Fits ? ExitCode.Success : ExitCode.FailedCheck;
    }
}
