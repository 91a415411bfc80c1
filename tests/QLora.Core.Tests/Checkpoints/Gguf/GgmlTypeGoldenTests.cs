using System.Text.Json;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;

namespace QLora.Tests.Checkpoints.Gguf;

/// <summary>Block formats against what the gguf package decodes.</summary>
public class GgmlTypeGoldenTests
{
    private static readonly string[] Decoded = ["BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"];
    private static readonly JsonElement Recorded = JsonDocument.Parse(File.ReadAllBytes(TestData.Golden("quant/gguf.json"))).RootElement;

    public static TheoryData<string> DecodedTypes => [.. Decoded];

    public static TheoryData<string> OtherTypes => [.. Recorded.EnumerateObject().Select(type => type.Name).Except(Decoded)];

    [Theory]
    [MemberData(nameof(DecodedTypes))]
    public void Decodes_exactly(string name)
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("quant/gguf.safetensors"));
        var expected = golden.ReadFloats(name + ".dequantized");
        var actual = new float[expected.Length];
        Find(name).Decode!(golden.ReadRaw(name + ".blocks"), actual);
        Assert.Equal(expected, actual);
    }

    [Theory]
    [MemberData(nameof(OtherTypes))]
    public void What_is_not_decoded_is_known_by_name(string name) => Assert.Null(Find(name).Decode);

    [Fact]
    public void Floating_point_types_decode_every_value()
    {
        var bits = Enumerable.Range(0, 1 << 16).Select(value => (ushort)value).ToArray();
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes<ushort>(bits).ToArray();
        var values = new float[bits.Length];
        GgmlType.FromId(1, "test", "f16").Decode!(bytes, values);
        Assert.Equal(bits.Select(value => (float)BitConverter.UInt16BitsToHalf(value)), values);
        GgmlType.FromId(30, "test", "bf16").Decode!(bytes, values);
        Assert.Equal(bits.Select(value => BitConverter.UInt32BitsToSingle((uint)value << 16)), values);
        GgmlType.FromId(0, "test", "f32").Decode!(bytes, values.AsSpan(0, bits.Length / 2));
        Assert.Equal(bytes, System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values.AsSpan(0, bits.Length / 2)).ToArray());
    }

    /// <summary>The type by its recorded number, whose name and sizes must be the recorded ones.</summary>
    private static GgmlType Find(string name)
    {
        var recorded = Recorded.GetProperty(name);
        var type = GgmlType.FromId(recorded.GetProperty("type_id").GetUInt32(), "golden", name);
        Assert.Equal((name, recorded.GetProperty("block_size").GetInt32(), recorded.GetProperty("type_size").GetInt32()), (type.Name, type.BlockSize, type.BlockBytes));
        return type;
    }
}
