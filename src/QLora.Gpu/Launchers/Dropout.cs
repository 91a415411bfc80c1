using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate)
    {
        var (threshold, scale) = (Philox.DropThreshold(probability), 1 / (1 - probability));
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(DropoutKernels.Dropout<T>, Elements((y.Count + 3) / 4), View<T>(x), View<T>(y), threshold, scale, seed, stream, accumulate ? 1 : 0);
    }
}
