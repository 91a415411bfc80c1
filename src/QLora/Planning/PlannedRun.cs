using QLora.Adapters;
using QLora.Autograd;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Planning;

/// <summary>What decides the memory of a training run beside the model: the settings that a plan is made for.</summary>
public sealed record PlannedRun
{
    /// <summary>The adapter that is trained; null to train every weight, which needs a model that is not in 4 bits.</summary>
    public LoraConfig? Lora { get; init; } = new();

    /// <summary>Examples in a micro-batch, 1 or more.</summary>
    public int BatchSize { get; init; } = 1;

    /// <summary>Micro-batches in an optimizer step, 1 or more. They run one after another and need no more memory than one.</summary>
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>Tokens of the longest example, at least 2. A plan is for micro-batches of nothing but such examples.</summary>
    public int MaxLength { get; init; } = 1024;

    /// <summary>What blocks keep for the backward pass.</summary>
    public GradientCheckpointing GradientCheckpointing { get; init; } = GradientCheckpointing.Recompute;

    /// <summary>What updates the weights, with moments of 8 bits for tensors of <see cref="AdamWOptions.Min8BitSize"/> elements and more.</summary>
    public OptimizerKind Optimizer { get; init; }

    /// <summary>The type of activations and of their gradients: Float32 or BFloat16.</summary>
    public DType ComputeDType { get; init; }

    /// <summary>The share of an example's tokens that is supervised, above 0 and up to 1: logits exist for those alone.</summary>
    public double SupervisedShare { get; init; } = 1;

    /// <summary>Tokens that share a pass of evaluation after a step; 0 for no evaluation.</summary>
    public int EvaluationLength { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="QLoraException">A setting is out of range; the message names it.</exception>
    public PlannedRun Validated()
    {
        if (BatchSize < 1) throw new QLoraException($"the batch size is {BatchSize}, expected 1 or more");
        if (GradientAccumulationSteps < 1) throw new QLoraException($"the gradient accumulation steps are {GradientAccumulationSteps}, expected 1 or more");
        if (MaxLength < 2) throw new QLoraException($"the longest example has {MaxLength} tokens, expected 2 or more");
        if ((long)BatchSize * MaxLength > int.MaxValue) throw new QLoraException($"{BatchSize} examples of {MaxLength} tokens are more than a batch can hold");
        if (ComputeDType is not (DType.Float32 or DType.BFloat16)) throw new QLoraException($"the compute dtype is {ComputeDType}, expected Float32 or BFloat16");
        if (!(SupervisedShare > 0 && SupervisedShare <= 1)) throw new QLoraException($"the supervised share is {SupervisedShare}, expected a number above 0 up to 1");
        if (EvaluationLength < 0) throw new QLoraException($"evaluation takes {EvaluationLength} tokens at a time, expected 0 or more");
        return this;
    }

    /// <summary>A micro-batch of the run: its longest examples, with the last tokens of each supervised.</summary>
    internal TokenBatch Batch() => Batch(BatchSize, MaxLength);

    /// <summary>A pass of evaluation; null for none.</summary>
    internal TokenBatch? EvaluationBatch() => EvaluationLength == 0 ? null : Batch(1, EvaluationLength);

    private TokenBatch Batch(int examples, int length)
    {
        var ids = new int[length];
        var labels = new int[length];
        labels.AsSpan(0, (int)((1 - SupervisedShare) * length)).Fill(TokenBatch.Ignored);
        return TokenBatch.Create([.. Enumerable.Repeat<(int[], int[]?)>((ids, labels), examples)]);
    }
}
