using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon)
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(RmsNormKernels.RmsNorm<T>, Rows(x.Rows), View<T>(x), View<F32>(weight), View<T>(y), epsilon);
    }

    /// <inheritdoc/>
    protected override void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T>
        {
            if (dWeight is { } parameter)
            {
                using var scales = Allocate(new Shape(x.Rows));
                Launch(RmsNormKernels.Scales<T>, Rows(x.Rows), View<T>(x), View<F32>(scales), x.Columns, epsilon);
                Launch(RmsNormKernels.WeightGradient<T>, Columns(x.Columns), View<T>(x), View<T>(dy), View<F32>(scales), View<F32>(parameter));
            }

            // Last, because dx may be dy.
            if (dx is not { } input) return;
            Launch(RmsNormKernels.RmsNormBackward<T>, Rows(x.Rows), View<T>(x), View<F32>(weight), View<T>(dy), View<T>(input), epsilon, accumulate ? 1 : 0);
        }
    }
}
