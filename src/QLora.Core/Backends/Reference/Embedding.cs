using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y)
    {
        for (var t = 0; t < y.Rows; t++)
        {
            var row = weight.Slice(ids.Span<int>()[t], 1);
            Elements.Widened(row).CopyTo(y.Slice(t, 1).Span<float>());
        }
    }

    /// <inheritdoc/>
    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight)
    {
        for (var t = 0; t < dy.Rows; t++)
        {
            var gradient = dy.Slice(t, 1).Span<float>();
            var row = dWeight.Slice(ids.Span<int>()[t], 1).Span<float>();
            for (var i = 0; i < row.Length; i++) row[i] += gradient[i];
        }
    }
}
