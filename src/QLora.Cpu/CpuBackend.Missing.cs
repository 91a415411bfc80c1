using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
        => throw new NotImplementedException();

    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta)
        => throw new NotImplementedException();

    /// <inheritdoc/>
    protected override QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization)
        => throw new NotImplementedException();

    /// <inheritdoc/>
    protected override void DequantizeCore(QuantizedTensor w, Tensor y)
        => throw new NotImplementedException();
}
