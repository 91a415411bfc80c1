using QLora.Autograd;
using QLora.Models;

namespace QLora.Training;

/// <summary>What one optimizer step saw.</summary>
/// <param name="Loss">Mean over the supervised tokens of all micro-batches, before the update.</param>
/// <param name="GradientNorm">Of all gradients together, before clipping.</param>
/// <param name="Tokens">All tokens of all micro-batches.</param>
/// <param name="SupervisedTokens">Those that the loss counts.</param>
public readonly record struct StepResult(double Loss, double GradientNorm, int Tokens, int SupervisedTokens);

/// <summary>One optimizer step, free of files and progress: the loss of its micro-batches, their gradients, clipping, the update.</summary>
/// <param name="model">The model, with something trainable.</param>
/// <param name="optimizer">What updates it.</param>
/// <param name="maxGradientNorm">The norm to which gradients are clipped; null for no clipping.</param>
/// <param name="checkpoint">Whether blocks are run again in the backward pass instead of kept.</param>
/// <param name="seed">What dropout masks are drawn from.</param>
public sealed class TrainingStep(CausalLanguageModel model, AdamWOptimizer optimizer, double? maxGradientNorm, bool checkpoint, ulong seed)
{
    private ulong _microBatch;

    /// <summary>
    /// Takes a step. The loss of each token weighs the same however the step is split into micro-batches: it is divided by the supervised tokens of all of them.
    /// </summary>
    /// <param name="microBatches">At least one; together they must supervise a token.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <exception cref="QLoraException">No token is supervised, or the loss or a gradient is not finite; the model is then as it was.</exception>
    public StepResult Run(IReadOnlyList<TokenBatch> microBatches, double learningRate)
    {
        var supervised = microBatches.Sum(batch => batch.Targets.Length);
        if (supervised == 0) throw new QLoraException("no token of this step is supervised; the loss would be undefined");
        var loss = 0.0;
        foreach (var batch in microBatches) loss += Accumulate(batch, 1f / supervised);
        loss /= supervised;

        var norm = optimizer.GradientNorm();
        if (!double.IsFinite(loss) || !double.IsFinite(norm)) throw new QLoraException($"step {optimizer.Steps + 1}: {Describe(loss, norm, microBatches)}");
        var scale = maxGradientNorm is { } most && norm > most ? most / (norm + 1e-6) : 1;
        optimizer.Step(learningRate, scale);
        model.Backend.EndStep();
        return new StepResult(loss, norm, microBatches.Sum(batch => batch.TokenCount), supervised);
    }

    private double Accumulate(TokenBatch batch, float gradientScale)
    {
        var options = new ForwardOptions(Record: true, checkpoint, new DropoutSource(seed, _microBatch++));
        using var context = new ForwardContext(model, batch, options);
        var sum = context.CrossEntropySum(model.Forward(context), model.LmHead, gradientScale);
        context.Backward();
        return sum;
    }

    /// <summary>Names the first place where the numbers went wrong.</summary>
    private string Describe(double loss, double norm, IReadOnlyList<TokenBatch> microBatches)
    {
        foreach (var batch in microBatches)
        {
            if (NonFinite.FirstBlock(model, batch) is { } block) return $"the loss is {loss}: the input of block {block} is not finite; use a smaller --learning-rate";
        }

        return double.IsFinite(loss)
            ? $"the gradient norm is {norm}; use a smaller --learning-rate"
            : $"the loss is {loss}: the logits are not finite; use a smaller --learning-rate";
    }
}
