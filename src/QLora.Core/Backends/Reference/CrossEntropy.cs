using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void CrossEntropyCore(Tensor logits, Tensor labels, Tensor losses, float? gradientScale)
    {
        for (var t = 0; t < logits.Rows; t++)
        {
            var row = logits.Slice(t, 1).Span<float>();
            var label = labels.Span<int>()[t];

            // Relative to the largest logit no exponential overflows, and at least one of them is 1.
            var largest = float.NegativeInfinity;
            foreach (var logit in row) largest = Math.Max(largest, logit);
            var sum = 0.0;
            foreach (var logit in row) sum += Math.Exp((double)logit - largest);

            losses.Span<float>()[t] = (float)(Math.Log(sum) + largest - row[label]);
            if (gradientScale is not { } scale) continue;
            for (var j = 0; j < row.Length; j++)
            {
                var probability = Math.Exp((double)row[j] - largest) / sum;
                row[j] = (float)(scale * (probability - (j == label ? 1 : 0)));
            }
        }
    }
}
