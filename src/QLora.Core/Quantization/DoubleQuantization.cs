namespace QLora.Quantization;

/// <summary>
/// The second level of QLoRA's quantisation: the scales of a 4-bit tensor, less their mean, go to 8 bits themselves (arXiv:2305.14314, section 3), as bitsandbytes'
/// <c>quantize_4bit(compress_statistics=True)</c> computes it.
/// </summary>
public static class DoubleQuantization
{
    /// <summary>Scales that share a scale of their own.</summary>
    public const int BlockSize = 256;

    /// <summary>Quantises the scales of a tensor.</summary>
    public static (byte[] Codes, float[] AbsMax, float Offset) Quantize(ReadOnlySpan<float> scales)
    {
        var offset = TorchSum.Mean(scales);
        var centred = new float[scales.Length];
        for (var i = 0; i < centred.Length; i++) centred[i] = scales[i] - offset;
        var codes = new byte[scales.Length];
        var absMax = new float[BlockQuantizer.BlockCount(scales.Length, BlockSize)];
        BlockQuantizer8.Quantize(centred, DynamicMap.Signed, BlockSize, codes, absMax);
        return (codes, absMax, offset);
    }

    /// <summary>The scales again: map[code] · absMax[i / blockSize] + offset, product and sum each rounded to single precision.</summary>
    public static float[] Dequantize(ReadOnlySpan<byte> codes, ReadOnlySpan<float> map, ReadOnlySpan<float> absMax, float offset, int blockSize)
    {
        var scales = new float[codes.Length];
        BlockQuantizer8.Dequantize(codes, map, absMax, blockSize, scales);
        for (var i = 0; i < scales.Length; i++) scales[i] += offset;
        return scales;
    }
}
