using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta)
    {
        var shape = new ProductShape(y.Rows, y.Columns, x.Columns, transposeW, 1, beta);
        var rows = new QuantizedRows(w);
        if (_width != VectorWidth.Vector128 && FewCodeRows.Fits(shape, rows))
        {
            if (_width == VectorWidth.Vector512) FewCodeRows.Arrange<Float16>(shape, x.Pointer<float>(), ScratchOfProducts);
            else FewCodeRows.Arrange<Float8>(shape, x.Pointer<float>(), ScratchOfProducts);
            Run(FewCodeRows.Items(shape.N), (long)shape.M * shape.Inner, new FewCodeRows(shape, rows, y.Pointer<float>(), ScratchOfProducts));
        }
        else
        {
            Multiply(shape, new LeftMatrix(x.Pointer<float>(), x.Columns, 1), rows, new ResultMatrix(y.Pointer<float>(), shape.N, 1));
        }
    }
}
