using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization) => throw new NotImplementedException();

    /// <inheritdoc/>
    protected override void DequantizeCore(QuantizedTensor w, Tensor y) => throw new NotImplementedException();

    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta) => throw new NotImplementedException();
}
