using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon)
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(LayerNormKernels.LayerNorm<T>, Rows(x.Rows), View<T>(x), View<F32>(weight), View<F32>(bias), View<T>(y), epsilon);
    }

    /// <inheritdoc/>
    protected override void LayerNormBackwardCore(
        Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate)
    {
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T>
        {
            if (dWeight is { } factor)
            {
                using var means = Allocate(new Shape(x.Rows));
                using var scales = Allocate(new Shape(x.Rows));
                Launch(LayerNormKernels.Statistics<T>, Rows(x.Rows), View<T>(x), View<F32>(means), View<F32>(scales), x.Columns, epsilon);
                Launch(LayerNormKernels.WeightGradient<T>, Columns(x.Columns), View<T>(x), View<T>(dy), View<F32>(means), View<F32>(scales), View<F32>(factor));
            }

            // Last, because dx may be dy.
            if (dBias is { } offset) AddBiasBackwardCore(dy, offset);
            if (dx is not { } input) return;
            Launch(LayerNormKernels.LayerNormBackward<T>, Rows(x.Rows), View<T>(x), View<F32>(weight), View<T>(dy), View<T>(input), epsilon, accumulate ? 1 : 0);
        }
    }
}
