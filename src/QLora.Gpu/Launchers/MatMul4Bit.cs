using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta, LowRankBranch? branch)
    {
        var shape = NewProduct(x, w, transposeW);
        if (!Products.DecodesBefore(shape, x, w))
        {
            if (w.Nested is null) Fused(PlainScales(w));
            else Fused(NestedScales(w));
            return;
        }

        using var decoded = Allocate(w.Shape, x.DType);
        DequantizeRuns(w, decoded);
        MultiplyDense(x, decoded, y, shape, branch, alpha: 1, beta);

        void Fused<TScales>(TScales scales) where TScales : struct, IScales
        {
            var kernel = Products.KernelOf(shape, x.DType, ProductChoice.IsAligned(x) && ProductChoice.IsAligned(w.Codes) && ProductChoice.IsAligned(y), w.BlockSize);
            Multiply<QuantizedReader<TScales>, QuantizedRuns<TScales>, QuantizedRun>(kernel, x, Reader(w, scales), Runs(w, scales), y, shape, branch, alpha: 1, beta);
        }
    }

    internal static ProductShape NewProduct(Tensor x, QuantizedTensor w, bool transposeW)
        => NewProduct(x.Rows, w.Shape[transposeW ? 0 : 1], x.Columns, transposeA: false, transposeB: transposeW);
}
