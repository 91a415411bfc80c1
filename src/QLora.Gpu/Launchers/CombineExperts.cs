using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void CombineExpertsCore(Tensor x, Tensor slots, Tensor weights, Tensor y)
    {
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(CombineExpertsKernels.CombineExperts<T>, Rows(x.Rows), View<T>(x), View<int>(slots), View<float>(weights), View<T>(y), x.Columns, weights.Columns);
    }

    /// <inheritdoc/>
    protected override void CombineExpertsBackwardCore(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights)
    {
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(CombineExpertsKernels.CombineExpertsBackward<T>, Rows(x.Rows), View<T>(x), View<int>(slots), View<float>(weights), View<T>(dy), View<T>(dx),
                View<float>(dWeights), x.Columns, weights.Columns);
    }
}
