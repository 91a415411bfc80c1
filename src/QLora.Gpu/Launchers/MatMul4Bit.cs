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
        var shape = NewProduct(y, x.Columns, transposeA: false, transposeB: transposeW);
        if (w.Nested is null) Multiply(x, Reader(w, PlainScales(w)), y, shape, branch, alpha: 1, beta);
        else Multiply(x, Reader(w, NestedScales(w)), y, shape, branch, alpha: 1, beta);
    }
}
