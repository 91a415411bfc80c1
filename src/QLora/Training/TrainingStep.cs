using QLora.Autograd;
using QLora.Backends;
using QLora.Models;
using QLora.Tensors;

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
/// <param name="checkpointing">What blocks keep for the backward pass.</param>
/// <param name="seed">What dropout masks are drawn from.</param>
public sealed class TrainingStep(CausalLanguageModel model, AdamWOptimizer optimizer, double? maxGradientNorm, GradientCheckpointing checkpointing, ulong seed)
{
    private readonly ForwardContext _context = new(model);

    /// <summary>Micro-batches of all steps so far; each has dropout masks of its own. Set it to go on with a run.</summary>
    public long MicroBatches { get; set; }

    /// <summary>
    /// Takes a step. The loss of each token weighs the same however the step is split into micro-batches: it is divided by the supervised tokens of all of them.
    /// </summary>
    /// <param name="microBatches">At least one; together they must supervise a token.</param>
    /// <param name="learningRate">Of this step.</param>
    /// <param name="cancellation">Looked at before every micro-batch.</param>
    /// <exception cref="QLoraException">No token is supervised, or the loss or a gradient is not finite; the model is then as it was.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; the model is then as it was, and the step can be taken again.</exception>
    public StepResult Run(IReadOnlyList<TokenBatch> microBatches, double learningRate, CancellationToken cancellation = default)
    {
        var (tokens, supervised) = (0, 0);
        for (var i = 0; i < microBatches.Count; i++)
        {
            tokens += microBatches[i].TokenCount;
            supervised += microBatches[i].Targets.Length;
        }

        if (supervised == 0) throw new QLoraException($"step {optimizer.Steps + 1} has no supervised token: every label of its examples is {TokenBatch.Ignored}");
        var before = MicroBatches;
        using var sums = model.Backend.AllocateZeros(new Shape(2, Backend.SumParts), DType.Float64);
        var (losses, squares) = (sums.Row(0), sums.Row(1));
        try
        {
            for (var i = 0; i < microBatches.Count; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                Accumulate(microBatches[i], 1f / supervised, losses);
            }

            // The one place where a step waits for the device: what it has computed until here decides whether and how far the parameters move.
            optimizer.SumGradientSquares(squares);
            var (loss, norm) = model.Backend.Totals(sums);
            (loss, norm) = (loss / supervised, Math.Sqrt(norm));
            if (!double.IsFinite(loss) || !double.IsFinite(norm))
            {
                throw new QLoraException($"step {optimizer.Steps + 1}: the loss is {loss}, the gradient norm {norm}: "
                    + $"{NonFinite.Describe(model, microBatches, optimizer.Parameters)}; use a smaller --learning-rate");
            }

            optimizer.Step(learningRate, maxGradientNorm is { } most && norm > most ? most / (norm + 1e-6) : 1);
            model.Backend.EndStep();
            return new StepResult(loss, norm, tokens, supervised);
        }
        catch
        {
            MicroBatches = before;
            optimizer.ClearGradients();
            throw;
        }
    }

    private void Accumulate(TokenBatch batch, float gradientScale, Tensor losses)
    {
        var options = new ForwardOptions(Record: true, checkpointing, new DropoutSource(seed, (ulong)MicroBatches++));
        _context.Begin(batch, options);
        try
        {
            _context.CrossEntropy(model.Forward(_context), model.LmHead, losses, gradientScale);
            _context.Backward();
        }
        finally
        {
            _context.End();
        }
    }
}
