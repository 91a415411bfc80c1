using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count)
    {
        if (source.DType == DType.Float32) Run<float>();
        else Run<ushort>();

        void Run<T>() where T : unmanaged =>
            Launch(CopyColumnsKernels.CopyColumns<T>, Elements((long)source.Rows * count), View<T>(source), source.Columns, sourceStart, View<T>(destination),
                destination.Columns, destinationStart, count);
    }
}
