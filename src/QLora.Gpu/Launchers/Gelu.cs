using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void GeluCore(Tensor x, Tensor y)
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(GeluKernels.Gelu<T>, Elements(y.Count), View<T>(x), View<T>(y));
    }

    /// <inheritdoc/>
    protected override void GeluBackwardCore(Tensor x, Tensor dy, Tensor dx)
    {
        if (dx.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(GeluKernels.GeluBackward<T>, Elements(dx.Count), View<T>(x), View<T>(dy), View<T>(dx));
    }
}
