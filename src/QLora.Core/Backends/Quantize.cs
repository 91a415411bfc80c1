using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// A new 4-bit tensor from a full-precision one, bit for bit what bitsandbytes makes of it.
    /// </summary>
    /// <param name="weight">(out, in) Float32, in host memory or on the device.</param>
    /// <param name="type">The code.</param>
    /// <param name="blockSize">Elements that share a scale; a power of two from 2 up.</param>
    /// <param name="doubleQuantization">Whether the scales are quantised to 8 bits themselves.</param>
    public QuantizedTensor Quantize(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization)
    {
        Check.Matrix(nameof(Quantize), nameof(weight), weight);
        Check.That(blockSize >= 2 && int.IsPow2(blockSize), nameof(Quantize), $"block size {blockSize} is not a power of two from 2 up");
        return QuantizeCore(weight, type, blockSize, doubleQuantization);
    }

    /// <summary>y ← dequant(w), the definition that the fused products are tested against; the engine itself never calls it on a whole model.</summary>
    /// <param name="w">(out, in), NF4 or FP4.</param>
    /// <param name="y">(out, in) Float32.</param>
    public void Dequantize(QuantizedTensor w, Tensor y)
    {
        Check.Is(nameof(Dequantize), nameof(y), y, DType.Float32, w.Shape[0], w.Shape[1]);
        DequantizeCore(w, y);
    }

    /// <summary>Backend part of <see cref="Quantize"/>; shapes are checked.</summary>
    protected abstract QuantizedTensor QuantizeCore(Tensor weight, QuantizationType type, int blockSize, bool doubleQuantization);

    /// <summary>Backend part of <see cref="Dequantize"/>; shapes are checked.</summary>
    protected abstract void DequantizeCore(QuantizedTensor w, Tensor y);
}
