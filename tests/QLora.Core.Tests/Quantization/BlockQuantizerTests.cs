using CsCheck;
using QLora.Quantization;

namespace QLora.Tests.Quantization;

/// <summary>What holds for every weight, length and block size, beside the recorded ones.</summary>
public class BlockQuantizerTests
{
    private static readonly Gen<(float[] Weight, QuantizationType Type, int BlockSize)> Weights = Gen.Select(
        Gen.Float[-3, 3].Array[1, 700], Gen.Enum<QuantizationType>(), Gen.Int[1, 10].Select(power => 1 << power));

    [Fact]
    public void Every_element_takes_the_nearest_code_of_its_block()
        => Weights.Sample((weight, type, blockSize) =>
        {
            var (codes, absMax) = Quantize(weight, type, blockSize);
            var restored = new float[weight.Length];
            BlockQuantizer.Dequantize(codes, absMax, type, blockSize, restored);
            var values = Codebook.Of(type).Values.ToArray();
            for (var i = 0; i < weight.Length; i++)
            {
                var scale = absMax[i / blockSize];
                if (i % blockSize == 0) Assert.Equal(weight.Skip(i).Take(blockSize).Max(MathF.Abs), scale);
                if (scale < 1e-37f) continue; // bitsandbytes divides these by a fixed number instead
                var nearest = float.MaxValue;
                foreach (var value in values) nearest = MathF.Min(nearest, MathF.Abs(value * scale - weight[i]));
                Assert.InRange(MathF.Abs(restored[i] - weight[i]), 0, nearest + 1e-6f * scale);
            }
        }, iter: 100);

    [Fact]
    public void Runs_of_blocks_may_be_quantised_apart()
        => Weights.Sample((weight, type, blockSize) =>
        {
            var (codes, absMax) = Quantize(weight, type, blockSize);
            var cut = weight.Length / 2 / blockSize * blockSize;
            var (head, headScales) = Quantize(weight[..cut], type, blockSize);
            var (tail, tailScales) = Quantize(weight[cut..], type, blockSize);
            Assert.Equal(codes, (byte[])[.. head, .. tail]);
            Assert.Equal(absMax, (float[])[.. headScales, .. tailScales]);
        }, iter: 100);

    [Fact]
    public void The_unused_half_of_the_last_byte_holds_the_code_of_zero()
    {
        var (codes, _) = Quantize([1f, -1f, 1f], QuantizationType.Nf4, 64);
        Assert.Equal([0xF0, 0xF7], codes);
    }

    [Fact]
    public void Scales_of_any_number_go_to_eight_bits_and_back_within_a_step_of_the_map()
        => Gen.Float[0.001f, 0.2f].Array[1, 900].Sample(scales =>
        {
            var (codes, absMax, offset) = DoubleQuantization.Quantize(scales);
            var restored = DoubleQuantization.Dequantize(codes, DynamicMap.Signed.Values, absMax, offset, DoubleQuantization.BlockSize);
            Assert.Equal((scales.Length + 255) / 256, absMax.Length);
            for (var i = 0; i < scales.Length; i++) Assert.InRange(MathF.Abs(restored[i] - scales[i]), 0, 0.008f * absMax[i / 256] + 1e-7f);
        }, iter: 200);

    private static (byte[] Codes, float[] AbsMax) Quantize(float[] weight, QuantizationType type, int blockSize)
    {
        var codes = new byte[BlockQuantizer.CodeBytes(weight.Length)];
        var absMax = new float[BlockQuantizer.BlockCount(weight.Length, blockSize)];
        BlockQuantizer.Quantize(weight, type, blockSize, codes, absMax);
        return (codes, absMax);
    }
}
