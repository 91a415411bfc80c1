using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void RouteCore(Tensor logits, Tensor experts, Tensor weights, bool normalize)
    {
        for (var t = 0; t < logits.Rows; t++)
        {
            var row = Elements.Widened(logits.Slice(t, 1)).ToArray();
            var chosen = Enumerable.Range(0, row.Length).OrderByDescending(e => row[e]).Take(experts.Columns).ToArray(); // a stable order
            chosen.CopyTo(experts.Slice(t, 1).Span<int>());
            Round(ChosenWeights(Probabilities(row), chosen, normalize), new ActivationSpan(weights.Slice(t, 1)));
        }
    }

    /// <inheritdoc/>
    protected override void RouteBackwardCore(Tensor logits, Tensor experts, Tensor dWeights, Tensor dLogits, bool normalize)
    {
        for (var t = 0; t < logits.Rows; t++)
        {
            var chosen = experts.Slice(t, 1).Span<int>();
            var gradient = dWeights.Slice(t, 1).Span<float>();
            var probabilities = Probabilities(Elements.Widened(logits.Slice(t, 1)).ToArray());
            var weights = ChosenWeights(probabilities, chosen, normalize);
            var sum = 0.0;
            for (var j = 0; j < chosen.Length; j++) sum += weights[j] * gradient[j];

            var result = new ActivationSpan(dLogits.Slice(t, 1));
            for (var e = 0; e < result.Length; e++) result[e] = normalize ? 0 : (float)(-probabilities[e] * sum);
            for (var j = 0; j < chosen.Length; j++) result[chosen[j]] = (float)(weights[j] * (gradient[j] - sum));
        }
    }

    private static double[] Probabilities(float[] logits)
    {
        var largest = logits.Max();
        var exponentials = Array.ConvertAll(logits, logit => Math.Exp((double)logit - largest));
        var sum = exponentials.Sum();
        return Array.ConvertAll(exponentials, exponential => exponential / sum);
    }

    private static double[] ChosenWeights(double[] probabilities, ReadOnlySpan<int> chosen, bool normalize)
    {
        var weights = Array.ConvertAll(chosen.ToArray(), e => probabilities[e]);
        var sum = normalize ? weights.Sum() : 1;
        return Array.ConvertAll(weights, weight => weight / sum);
    }
}
