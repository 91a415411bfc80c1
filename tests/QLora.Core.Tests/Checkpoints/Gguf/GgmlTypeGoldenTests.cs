using System.Text.Json;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Testing;

namespace QLora.Tests.Checkpoints.Gguf;

/// <summary>Block formats against what the gguf package decodes.</summary>
public class GgmlTypeGoldenTests
{
    [Theory]
    [InlineData("BF16")]
    [InlineData("Q4_0")]
    [InlineData("Q4_1")]
    [InlineData("Q5_0")]
    [InlineData("Q5_1")]
    [InlineData("Q8_0")]
    [InlineData("Q4_K")]
    [InlineData("Q5_K")]
    [InlineData("Q6_K")]
    public void Decodes_exactly(string name)
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("quant/gguf.safetensors"));
        if (!golden.Tensors.ContainsKey(name + ".blocks")) Assert.Skip($"no recorded blocks of {name}");
        using var document = JsonDocument.Parse(File.ReadAllText(TestData.Golden("quant/gguf.json")));
        var recorded = document.RootElement.GetProperty(name);
        var type = GgmlType.FromId(recorded.GetProperty("type_id").GetUInt32(), "golden", name);
        Assert.Equal((name, recorded.GetProperty("block_size").GetInt32(), recorded.GetProperty("type_size").GetInt32()), (type.Name, type.BlockSize, type.BlockBytes));

        var expected = golden.ReadFloats(name + ".dequantized");
        var actual = new float[expected.Length];
        type.Decode!(golden.ReadRaw(name + ".blocks"), actual);
        Assert.Equal(expected, actual);
    }
}
