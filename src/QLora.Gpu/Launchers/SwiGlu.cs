using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y)
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(SwiGluKernels.SwiGlu<T>, Elements(y.Count), View<T>(gate), View<T>(up), View<T>(y));
    }

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        if (dy.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(SwiGluKernels.SwiGluBackward<T>, Elements(dy.Count), View<T>(gate), View<T>(up), View<T>(dy), View<T>(dGate), View<T>(dUp));
    }
}
