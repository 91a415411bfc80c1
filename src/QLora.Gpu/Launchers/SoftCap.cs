using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float cap)
    {
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(SoftCapKernels.SoftCap<T>, Elements(x.Count), View<T>(x), cap);
    }

    /// <inheritdoc/>
    protected override void SoftCapBackwardCore(Tensor y, Tensor dx, float cap)
    {
        if (dx.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(SoftCapKernels.SoftCapBackward<T>, Elements(dx.Count), View<T>(y), View<T>(dx), cap);
    }
}
