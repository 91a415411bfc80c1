using QLora.Autograd;

namespace QLora.Training;

/// <summary>The settings of a training run, named after PEFT and TRL.</summary>
public sealed record TrainingOptions
{
    /// <summary>Examples in a micro-batch, or packed rows of them; 1 or more.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>Micro-batches in an optimizer step, 1 or more. The result does not depend on how a step is split, only memory and time do.</summary>
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>Passes over the data, above 0; a fraction ends in the middle of one.</summary>
    public double Epochs { get; init; } = 1;

    /// <summary>Optimizer steps, 1 or more; null to follow <see cref="Epochs"/>.</summary>
    public int? MaxSteps { get; init; }

    /// <summary>The highest learning rate, at least 0.</summary>
    public double LearningRate { get; init; } = 2e-4;

    /// <summary>How the learning rate runs after the warm-up.</summary>
    public LearningRateScheduleKind Schedule { get; init; } = LearningRateScheduleKind.Cosine;

    /// <summary>Steps over which the learning rate grows from zero, at least 0.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>Decoupled decay per unit of learning rate, at least 0.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The norm to which gradients are clipped, above 0; null for no clipping.</summary>
    public double? MaxGradNorm { get; init; } = 1;

    /// <summary>What updates the weights.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>Elements that a tensor must have for 8-bit moments, at least 0; smaller ones keep theirs in Float32, as with bitsandbytes.</summary>
    public int Min8BitSize { get; init; } = 4096;

    /// <summary>What blocks keep for the backward pass: less memory costs more work, the numbers are the same. What computes in the memory of the process cannot offload.</summary>
    public GradientCheckpointing GradientCheckpointing { get; init; } = GradientCheckpointing.Recompute;

    /// <summary>Whether consecutive examples share a row as long as they fit into the longest allowed; each still attends to itself only.</summary>
    public bool Packing { get; init; }

    /// <summary>Whether each epoch has an order of its own; else it is the data's.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>What orders and dropout masks are drawn from.</summary>
    public ulong Seed { get; init; } = 42;

    /// <summary>Steps between checkpoints, 1 or more; null for none.</summary>
    public int? SaveSteps { get; init; }

    /// <summary>Steps between evaluations, 1 or more; null for one at the end only.</summary>
    public int? EvalSteps { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="QLoraException">A setting is out of range; the message names the option.</exception>
    public TrainingOptions Validated()
    {
        AtLeast("--batch-size", BatchSize, 1);
        AtLeast("--gradient-accumulation-steps", GradientAccumulationSteps, 1);
        AtLeast("--max-steps", MaxSteps ?? 1, 1);
        AtLeast("--warmup-steps", WarmupSteps, 0);
        AtLeast("the least size for 8-bit moments", Min8BitSize, 0);
        AtLeast("--save-steps", SaveSteps ?? 1, 1);
        AtLeast("--eval-steps", EvalSteps ?? 1, 1);
        Finite("--epochs", Epochs, Epochs > 0, "a number above 0");
        Finite("--learning-rate", LearningRate, LearningRate >= 0, "a number from 0 up");
        Finite("--weight-decay", WeightDecay, WeightDecay >= 0, "a number from 0 up");
        if (MaxGradNorm is { } norm) Finite("--max-grad-norm", norm, norm > 0, "a number above 0");
        return this;
    }

    private static void AtLeast(string option, int value, int least)
    {
        if (value < least) throw new QLoraException($"{option} is {value}, expected {least} or more");
    }

    private static void Finite(string option, double value, bool inRange, string expected)
    {
        if (!inRange || !double.IsFinite(value)) throw new QLoraException(FormattableString.Invariant($"{option} is {value}, expected {expected}"));
    }
}
