using System.Text.Json;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>Models in bitsandbytes' 4-bit format: written as the library itself writes them, and loaded as they were.</summary>
public sealed class QuantizedModelWriterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string, DType> Recorded => new()
    {
        { "llama_bnb_nf4_dq_float32", DType.Float32 }, { "llama_mha_bias_bnb_fp4_float32", DType.Float32 }, { "qwen2_bnb_nf4_dq_bfloat16", DType.BFloat16 },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Recorded))]
    public void A_checkpoint_of_the_library_comes_out_as_it_went_in(string name, DType dtype)
    {
        using var backend = TestBackends.Create("reference");
        using (var file = ModelFile.Open(TestData.Golden($"models/{name}")))
        using (var model = file.Load(backend)) QuantizedModelWriter.Save(model, _folder.Path, dtype);
        using var expected = SafetensorsFile.Open(TestData.Golden($"models/{name}/model.safetensors"));
        using var actual = SafetensorsFile.Open(_folder["model.safetensors"]);
        Assert.Equal(expected.Tensors.Keys.Order(StringComparer.Ordinal), actual.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(expected.Tensors, entry =>
        {
            Assert.Equal((entry.Value.DType, entry.Value.Shape), (actual.Tensors[entry.Key].DType, actual.Tensors[entry.Key].Shape));
            Assert.True(expected.ReadRaw(entry.Key).SequenceEqual(actual.ReadRaw(entry.Key)), entry.Key);
        });
        var config = JsonDocument.Parse(File.ReadAllText(_folder["config.json"])).RootElement.GetProperty("quantization_config");
        Assert.Equal(("bitsandbytes", name.Contains("fp4", StringComparison.Ordinal) ? "fp4" : "nf4"), (config.GetProperty("quant_method").GetString(), config.GetProperty("bnb_4bit_quant_type").GetString()));
    }

    [Theory]
    [InlineData("gemma2"), InlineData("gpt2"), InlineData("mixtral"), InlineData("phi3")]
    public void Every_form_of_weight_is_loaded_as_it_was(string name)
    {
        using var backend = TestBackends.Create("cpu-512");
        using var reference = ReferenceFile.Open(TestData.Golden($"models/{name}/golden.safetensors"));
        using var file = ModelFile.Open(TestData.Golden($"models/{name}"));
        using var model = file.Load(backend);
        QuantizedModelWriter.Save(model, _folder.Path, DType.Float32);
        using var written = ModelFile.Open(_folder.Path);
        using var again = written.Load(backend);
        Assert.Equal(FamilyQuantizationTests.Logits(model, reference.Batch), FamilyQuantizationTests.Logits(again, reference.Batch));
    }

    [Fact]
    public void A_model_without_4_bit_weights_is_refused()
    {
        using var backend = TestBackends.Create("reference");
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        using var model = file.Load(backend, QuantizationOptions.None);
        Assert.Contains("no weight of the model is in 4 bits", Assert.Throws<QLoraException>(() => QuantizedModelWriter.Save(model, _folder.Path, DType.Float32)).Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }
}
