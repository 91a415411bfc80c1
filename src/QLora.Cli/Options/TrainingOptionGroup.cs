using System.CommandLine;
using QLora.Cli.Frame;
using QLora.Training;

namespace QLora.Cli.Options;

/// <summary>The settings of a run, named after PEFT and TRL.</summary>
internal sealed class TrainingOptionGroup : IOptionGroup
{
    private static readonly TrainingOptions Default = new();

    private readonly Option<int?> _batchSize = BatchSizeOption();
    private readonly Option<int?> _accumulation = NewOption.Integer("--gradient-accumulation-steps", $"Micro-batches in an optimizer step [default: {Default.GradientAccumulationSteps}]");
    private readonly Option<double?> _epochs = NewOption.Number("--epochs", $"Passes over the data; a fraction ends in the middle of one [default: {Default.Epochs}]", "a number above 0", value => value > 0);
    private readonly Option<int?> _maxSteps = NewOption.Integer("--max-steps", "Optimizer steps, instead of --epochs");
    private readonly Option<double?> _learningRate = NewOption.Number("--learning-rate", $"The highest learning rate [default: {Default.LearningRate}]", "a number from 0 up", value => value >= 0);
    private readonly Option<LearningRateScheduleKind?> _schedule = NewOption.Choice<LearningRateScheduleKind?>("--lr-scheduler",
        $"How the learning rate runs after the warm-up [default: {Default.Schedule.ToString().ToLowerInvariant()}]",
        ("cosine", LearningRateScheduleKind.Cosine), ("linear", LearningRateScheduleKind.Linear), ("constant", LearningRateScheduleKind.Constant));

    private readonly Option<int?> _warmup = NewOption.Integer("--warmup-steps", $"Steps over which the learning rate grows from zero [default: {Default.WarmupSteps}]", minimum: 0);
    private readonly Option<double?> _weightDecay = NewOption.Number("--weight-decay", $"AdamW's decay [default: {Default.WeightDecay}]", "a number from 0 up", value => value >= 0);
    private readonly Option<double?> _maxGradNorm = NewOption.Number("--max-grad-norm", $"Norm to which gradients are clipped; 0 for no clipping [default: {Default.MaxGradNorm}]", "a number from 0 up", value => value >= 0);
    private readonly Option<OptimizerKind?> _optimizer = OptimizerOption();
    private readonly CheckpointingOption _checkpointing = new(Default.GradientCheckpointing);
    private readonly Option<bool> _packing = NewOption.Flag("--packing", "Let examples share a row of --max-length tokens; each still sees only itself");
    private readonly Option<TrueFalse?> _shuffle = NewOption.Switch("--shuffle", "Give each epoch an order of its own [default: true]");
    private readonly Option<ulong?> _seed = NewOption.Seed("--seed", $"What the order, dropout and new branches are drawn from [default: {Default.Seed}]");
    private readonly Option<int?> _saveSteps = NewOption.Integer("--save-steps", "Steps between checkpoints [default: none]");

    /// <summary>Steps between evaluations.</summary>
    public Option<int?> EvalSteps { get; } = NewOption.Integer("--eval-steps", "Steps between evaluations on --eval-data [default: one at the end]");

    /// <inheritdoc/>
    public IEnumerable<Option> All =>
    [
        _batchSize, _accumulation, _epochs, _maxSteps, _learningRate, _schedule, _warmup, _weightDecay, _maxGradNorm, _optimizer, .. _checkpointing.All, _packing, _shuffle, _seed,
        _saveSteps, EvalSteps,
    ];

    /// <summary>The option of the micro-batch.</summary>
    public static Option<int?> BatchSizeOption() => NewOption.Integer("--batch-size", $"Examples, or packed rows, in a micro-batch [default: {Default.BatchSize}]");

    /// <summary>The option of the optimizer.</summary>
    public static Option<OptimizerKind?> OptimizerOption() => NewOption.Choice<OptimizerKind?>("--optimizer",
        $"What updates the weights; adamw8bit keeps the moments of tensors from {Default.Min8BitSize:N0} elements on in 8 bits: a quarter of their memory; the paged ones keep them in the host's memory while a GPU is trained on, and are the plain ones elsewhere [default: {Default.Optimizer.Name()}]",
        [.. Enum.GetValues<OptimizerKind>().Select(kind => (kind.Name(), (OptimizerKind?)kind))]);

    /// <summary>The settings that the command line asks for.</summary>
    /// <param name="context">The command's arguments.</param>
    /// <param name="device">What the command runs on, by its name.</param>
    /// <exception cref="QLoraException">One of them is not for this device.</exception>
    public TrainingOptions Read(CommandContext context, string device) => new()
    {
        BatchSize = context.Get(_batchSize) ?? Default.BatchSize,
        GradientAccumulationSteps = context.Get(_accumulation) ?? Default.GradientAccumulationSteps,
        Epochs = context.Get(_epochs) ?? Default.Epochs,
        MaxSteps = context.Get(_maxSteps),
        LearningRate = context.Get(_learningRate) ?? Default.LearningRate,
        Schedule = context.Get(_schedule) ?? Default.Schedule,
        WarmupSteps = context.Get(_warmup) ?? Default.WarmupSteps,
        WeightDecay = context.Get(_weightDecay) ?? Default.WeightDecay,
        MaxGradNorm = context.Get(_maxGradNorm) switch { null => Default.MaxGradNorm, 0 => null, var norm => norm },
        Optimizer = context.Get(_optimizer) ?? Default.Optimizer,
        GradientCheckpointing = _checkpointing.Read(context, device),
        Packing = context.Get(_packing),
        Shuffle = context.Get(_shuffle) ?? Default.Shuffle,
        Seed = context.Get(_seed) ?? Default.Seed,
        SaveSteps = context.Get(_saveSteps),
        EvalSteps = context.Get(EvalSteps),
    };
}
