using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void GatherRowsCore(Tensor x, Tensor rows, Tensor y)
    {
        for (var i = 0; i < y.Rows; i++) x.Slice(rows.Span<int>()[i], 1).Span<float>().CopyTo(y.Slice(i, 1).Span<float>());
    }
}
