using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count)
    {
        for (var t = 0; t < source.Rows; t++)
        {
            var from = new ActivationSpan(source.Slice(t, 1));
            var to = new ActivationSpan(destination.Slice(t, 1));
            for (var i = 0; i < count; i++) to[destinationStart + i] = from[sourceStart + i];
        }
    }
}
