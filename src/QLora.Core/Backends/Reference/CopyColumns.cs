using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count)
    {
        for (var t = 0; t < source.Rows; t++)
        {
            source.Slice(t, 1).Span<float>().Slice(sourceStart, count).CopyTo(destination.Slice(t, 1).Span<float>()[destinationStart..]);
        }
    }
}
