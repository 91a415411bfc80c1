using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void RotaryCore(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse)
    {
        var (heads, headSize, half) = (x.Shape[1], x.Shape[2], cos.Columns);
        if (x.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(RotaryKernels.Rotary<T>, Elements((long)x.Rows * heads * half), View<T>(x), View<int>(positions), View<F32>(cos), View<F32>(sin), heads, headSize, half,
                inverse ? -1f : 1f);
    }
}
