using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y)
    {
        for (var t = 0; t < y.Rows; t++)
        {
            var row = Elements.Widened(weight.Slice(ids.Span<int>()[t], 1));
            var result = new ActivationSpan(y.Slice(t, 1));
            for (var i = 0; i < row.Length; i++) result[i] = row[i];
        }
    }

    /// <inheritdoc/>
    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight)
    {
        for (var t = 0; t < dy.Rows; t++)
        {
            var gradient = new ActivationSpan(dy.Slice(t, 1));
            var row = new ActivationSpan(dWeight.Slice(ids.Span<int>()[t], 1));
            for (var i = 0; i < row.Length; i++) row[i] += gradient[i];
        }
    }
}
