using System.Runtime.InteropServices;
using QLora.Checkpoints;
using QLora.Quantization;

namespace QLora.Tests.Quantization;

/// <summary>Everything that bitsandbytes recorded, bit for bit.</summary>
public class BlockQuantizerGoldenTests
{
    private static readonly SafetensorsFile Golden = SafetensorsFile.Open(TestData.Golden("quant/blockwise.safetensors"));

    public static TheoryData<string> Cases()
    {
        var data = new TheoryData<string>();
        foreach (var name in Golden.Tensors.Keys.Where(name => name.EndsWith(".packed", StringComparison.Ordinal)).Order(StringComparer.Ordinal)) data.Add(name[..^".packed".Length]);
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quantizes_and_dequantizes_bit_for_bit(string name)
    {
        var parts = name.Split('.');
        var (type, blockSize, isDouble) = (Enum.Parse<QuantizationType>(parts[1], ignoreCase: true), int.Parse(parts[2]), parts.Length > 3);
        var source = Golden.ReadFloats(name.StartsWith("from_", StringComparison.Ordinal) ? name + ".input" : parts[0] + ".input");
        var codes = new byte[BlockQuantizer.CodeBytes(source.Length)];
        var absMax = new float[BlockQuantizer.BlockCount(source.Length, blockSize)];
        BlockQuantizer.Quantize(source, type, blockSize, codes, absMax);

        Assert.Equal(Golden.ReadRaw(name + ".packed"), codes);
        if (isDouble)
        {
            var scales = DoubleQuantization.Quantize(absMax);
            Assert.Equal(Golden.ReadFloats(name + ".nested_offset")[0], scales.Offset);
            AssertSameBits(Golden.ReadFloats(name + ".nested_absmax"), scales.AbsMax);
            AssertSameBits(Golden.ReadFloats(name + ".nested_code"), DynamicMap.Signed.Values);
            Assert.Equal(Golden.ReadRaw(name + ".absmax"), scales.Codes);
            absMax = DoubleQuantization.Dequantize(scales.Codes, DynamicMap.Signed.Values, scales.AbsMax, scales.Offset, DoubleQuantization.BlockSize);
        }
        else
        {
            AssertSameBits(Golden.ReadFloats(name + ".absmax"), absMax);
        }

        var restored = new float[source.Length];
        BlockQuantizer.Dequantize(codes, absMax, type, blockSize, restored);
        var expected = Golden.Tensors[name + ".dequantized"].DType == "F32" ? restored : [.. restored.Select(value => RoundTo(Golden.Tensors[name + ".dequantized"].DType, value))];
        var recorded = Golden.ReadFloats(name + ".dequantized");
        if (type == QuantizationType.Nf4) AssertSameBits(recorded, expected);
        else AssertSameBits(PlainZeros(recorded), PlainZeros(expected)); // bitsandbytes' own two paths differ in the sign of FP4's second zero
    }

    [Theory]
    [InlineData("signed")]
    [InlineData("unsigned")]
    public void Dynamic_map_is_bitsandbytes_own(string kind)
        => AssertSameBits(Golden.ReadFloats("dynamic_map." + kind), (kind == "signed" ? DynamicMap.Signed : DynamicMap.Unsigned).Values);

    [Theory]
    [InlineData("nf4")]
    [InlineData("fp4")]
    public void Codebook_is_bitsandbytes_own(string type)
        => AssertSameBits(Golden.ReadFloats(type + ".code"), Codebook.Of(Enum.Parse<QuantizationType>(type, ignoreCase: true)).Values);

    [Fact]
    public void Eight_bit_blocks_are_bit_for_bit()
    {
        var source = Golden.ReadFloats("blockwise8.input");
        var codes = new byte[source.Length];
        var absMax = new float[source.Length / 256];
        BlockQuantizer8.Quantize(source, DynamicMap.Signed, 256, codes, absMax);
        AssertSameBits(Golden.ReadFloats("blockwise8.code"), DynamicMap.Signed.Values);
        AssertSameBits(Golden.ReadFloats("blockwise8.absmax"), absMax);
        Assert.Equal(Golden.ReadRaw("blockwise8.q"), codes);
        var restored = new float[source.Length];
        BlockQuantizer8.Dequantize(codes, DynamicMap.Signed.Values, absMax, 256, restored);
        AssertSameBits(Golden.ReadFloats("blockwise8.dequantized"), restored);
    }

    /// <summary>So that nothing recorded goes untested: every tensor of the file is an input, or belongs to a case above.</summary>
    [Fact]
    public void Every_recorded_tensor_is_compared()
    {
        string[] parts = [".packed", ".absmax", ".dequantized", ".nested_absmax", ".nested_offset", ".nested_code", ".input"];
        var cases = Golden.Tensors.Keys.Where(name => name.EndsWith(".packed", StringComparison.Ordinal)).Select(name => name[..^".packed".Length]).ToHashSet();
        Assert.Equal(67, cases.Count);
        var rest = Golden.Tensors.Keys.Where(name => !parts.Any(part => name.EndsWith(part, StringComparison.Ordinal) && (part == ".input" || cases.Contains(name[..^part.Length]))));
        Assert.Equal(
            ["blockwise8.absmax", "blockwise8.code", "blockwise8.dequantized", "blockwise8.q", "dynamic_map.signed", "dynamic_map.unsigned", "fp4.code", "nf4.code"],
            rest.Order(StringComparer.Ordinal));
    }

    private static float[] PlainZeros(float[] values) => [.. values.Select(value => value + 0f)];

    private static float RoundTo(string dtype, float value)
    {
        if (dtype == "F16") return (float)(Half)value;
        var bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    private static void AssertSameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
        => Assert.Equal(MemoryMarshal.Cast<float, uint>(expected), MemoryMarshal.Cast<float, uint>(actual));
}
