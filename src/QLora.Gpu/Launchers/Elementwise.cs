using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AddCore(Tensor x, Tensor y, float alpha)
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(ElementwiseKernels.Add<T>, Elements(y.Count), View<T>(x), View<T>(y), alpha);
    }

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor x, float factor)
    {
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(ElementwiseKernels.Scale<T>, Elements(x.Count), View<T>(x), factor);
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor bias, Tensor y)
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(ElementwiseKernels.AddBias<T>, Elements(y.Count), View<F32>(bias), View<T>(y));
    }

    /// <inheritdoc/>
    protected override void AddBiasBackwardCore(Tensor dy, Tensor dBias)
    {
        if (dy.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(ElementwiseKernels.AddBiasBackward<T>, Columns((int)dBias.Count), View<T>(dy), View<F32>(dBias));
    }
}
