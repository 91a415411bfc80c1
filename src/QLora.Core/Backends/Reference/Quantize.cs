using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization)
        => BlockQuantizer.Quantize(weight.Span<float>(), weight.Shape, type, blockSize, doubleQuantization, this);

    /// <inheritdoc/>
    protected override void DequantizeCore(QuantizedTensor w, Tensor y) => BlockQuantizer.Dequantize(w, y.Span<float>());
}
