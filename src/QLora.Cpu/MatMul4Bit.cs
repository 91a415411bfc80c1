using QLora.Cpu.Gemm;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta)
    {
        var shape = new ProductShape(y.Rows, y.Columns, x.Columns, transposeW, 1, beta);
        Multiply(shape, new LeftMatrix(x.Pointer<float>(), x.Columns, 1), new QuantizedRows(w), y);
    }
}
