using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// Chooses experts for each token: with p = softmax(logits[t]), experts[t] ← the experts of the k largest logits in descending order, of equal ones the
    /// lower first; weights[t, j] ← p[experts[t, j]], divided by their sum over j if <paramref name="normalize"/> (Shazeer et al., arXiv:1701.06538).
    /// </summary>
    /// <param name="logits">(tokens, experts) activations.</param>
    /// <param name="experts">(tokens, k) Int32, overwritten; k at least 1 and at most the number of experts.</param>
    /// <param name="weights">(tokens, k) Float32, overwritten.</param>
    /// <param name="normalize">Whether the weights of a token sum to 1.</param>
    public void Route(Tensor logits, Tensor experts, Tensor weights, bool normalize)
    {
        CheckRoute(nameof(Route), logits, experts);
        Check.Is(nameof(Route), nameof(weights), weights, DType.Float32, experts.Rows, experts.Columns);
        RouteCore(logits, experts, weights, normalize);
    }

    /// <summary>
    /// The gradient of the weights of <see cref="Route"/>, with w the weights, recomputed, and s = Σ_j w[j] · dWeights[t, j]: dLogits[t, experts[t, j]] ←
    /// w[j] · (dWeights[t, j] − s); that of an expert e that was not chosen ← −p[e] · s, or 0 if <paramref name="normalize"/>.
    /// </summary>
    /// <param name="logits">(tokens, experts) activations, the forward's input.</param>
    /// <param name="experts">(tokens, k) Int32, from the forward.</param>
    /// <param name="dWeights">(tokens, k) Float32.</param>
    /// <param name="dLogits">(tokens, experts) activations, overwritten; not overlapping the logits.</param>
    /// <param name="normalize">As in the forward.</param>
    public void RouteBackward(Tensor logits, Tensor experts, Tensor dWeights, Tensor dLogits, bool normalize)
    {
        CheckRoute(nameof(RouteBackward), logits, experts);
        Check.Is(nameof(RouteBackward), nameof(dWeights), dWeights, DType.Float32, experts.Rows, experts.Columns);
        Check.SameAs(nameof(RouteBackward), nameof(dLogits), dLogits, logits);
        RouteBackwardCore(logits, experts, dWeights, dLogits, normalize);
    }

    private static void CheckRoute(string op, Tensor logits, Tensor experts)
    {
        Check.ActivationMatrix(op, nameof(logits), logits);
        Check.That(experts.DType == DType.Int32 && experts.Shape.Rank == 2 && experts.Rows == logits.Rows && experts.Columns >= 1
            && experts.Columns <= logits.Columns, op, $"experts is {experts}, expected Int32 (tokens, k) with logits {logits}");
    }

    /// <summary>Backend part of <see cref="Route"/>; shapes are checked.</summary>
    protected abstract void RouteCore(Tensor logits, Tensor experts, Tensor weights, bool normalize);

    /// <summary>Backend part of <see cref="RouteBackward"/>; shapes are checked, experts are not.</summary>
    protected abstract void RouteBackwardCore(Tensor logits, Tensor experts, Tensor dWeights, Tensor dLogits, bool normalize);
}
