using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void RouteCore(Tensor logits, Tensor experts, Tensor weights, bool normalize)
    {
        if (logits.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(RouteKernels.Route<T>, Elements(logits.Rows), View<T>(logits), View<int>(experts), View<float>(weights), logits.Columns, experts.Columns, normalize ? 1 : 0);
    }

    /// <inheritdoc/>
    protected override void RouteBackwardCore(Tensor logits, Tensor experts, Tensor dWeights, Tensor dLogits, bool normalize)
    {
        if (logits.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(RouteKernels.RouteBackward<T>, Elements(logits.Rows), View<T>(logits), View<int>(experts), View<float>(dWeights), View<T>(dLogits), logits.Columns,
                experts.Columns, normalize ? 1 : 0);
    }
}
