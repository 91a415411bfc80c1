using QLora.Backends.Reference;
using QLora.Checkpoints;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Checkpoints;

/// <summary>A recorded 4-bit checkpoint holds what quantising its source gives, and is read as it is.</summary>
public class BitsAndBytes4BitTests
{
    [Theory]
    [InlineData("llama_bnb_nf4_dq_float32", "llama")]
    [InlineData("llama_mha_bias_bnb_fp4_float32", "llama_mha_bias")]
    public void Holds_what_quantising_its_source_gives(string name, string source)
    {
        using var backend = new ReferenceBackend();
        using var stored = SafetensorsCheckpoint.Open(TestData.Golden($"models/{name}"));
        using var original = SafetensorsCheckpoint.Open(TestData.Golden($"models/{source}"));
        var quantized = stored.Weights.Values.Where(info => info.IsQuantized).ToList();
        Assert.Equal(14, quantized.Count);
        foreach (var info in quantized)
        {
            Assert.Equal(original.Weights[info.Name].Shape, info.Shape);
            using var read = stored.ReadQuantized(info.Name, backend);
            var weight = new float[info.Shape.Count];
            original.Read(info.Name, 0, weight);
            using var made = BlockQuantizer.Quantize(weight, info.Shape, read.Type, read.BlockSize, read.Nested is not null, backend);
            Assert.Equal(made.Codes.Span<byte>(), read.Codes.Span<byte>());
            Assert.Equal(Values(made), Values(read));
        }
    }

    private static float[] Values(QuantizedTensor tensor)
    {
        var values = new float[tensor.Shape.Count];
        BlockQuantizer.Dequantize(tensor, values);
        return values;
    }
}
