using QLora.Adapters;
using QLora.Autograd;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Testing;
using QLora.Tests.Models;
using QLora.Tests.Training;

namespace QLora.Tests.Adapters;

/// <summary>Merged models load back and compute what the model with the adapter computes.</summary>
public class ModelMergerTests
{
    // Weights lose up to 2⁻⁹ of themselves; the random models of these tests carry that on into their logits.
    private const double BFloat16Tolerance = 2e-2;

    // With and without biases and a tied head, in half precision, in 4 bits, turned over, less one, and with experts.
    private static readonly string[] Merged =
    [
        "llama", "llama_mha_bias", "llama3_rope", "llama_sharded_bfloat16", "llama_bnb_nf4_dq_float32", "llama_mha_bias_bnb_fp4_float32", "gpt2", "gemma3_text", "phi3", "qwen3_moe",
    ];

    public static TheoryData<string, DType, string> Models()
    {
        var data = new TheoryData<string, DType, string>();
        foreach (var backend in TestBackends.Names)
        {
            foreach (var dtype in new[] { DType.Float32, DType.BFloat16 })
            {
                foreach (var name in Merged)
                {
                    data.Add(name, dtype, backend);
                }
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_merged_model_agrees_with_the_model_and_its_adapter(string name, DType dtype, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var source = ModelFile.Open(TestData.Golden($"models/{name}"));
        using var model = source.Load(backend, QuantizationOptions.None);
        using var folder = new TemporaryFolder();
        model.Adapters.AddNew(new LoraConfig { Rank = 4, Alpha = 8 });
        foreach (var parameter in model.Adapters.Active!.Parameters) Randomise(parameter.Value);
        var expected = Logits(model);
        var report = ModelMerger.Save(model, folder.Path, dtype);
        Assert.Equal(expected, Logits(model));

        using var file = ModelFile.Open(folder.Path);
        Assert.All(file.Weights!.Weights.Values, weight => Assert.Equal(dtype, weight.StoredType));
        using var merged = file.Load(backend, QuantizationOptions.None);
        RelativeError.AtMost(dtype == DType.Float32 ? 1e-5 : BFloat16Tolerance, expected, Logits(merged), "logits");

        Assert.Equal(model.Adapters.Active.Branches.Count(), report.MergedLayers);
        Assert.InRange(report.UpdateShare, 0.01, 1);
        if (dtype == DType.Float32) Assert.Equal(0, report.RoundingShare);
        else Assert.InRange(report.RoundingShare, 1e-4, 1.0 / 512);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("rslora")]
    public void Merged_weights_are_those_of_PEFT(string name)
    {
        using var backend = TestBackends.Create("reference");
        using var golden = GoldenModel.Open("llama", "config.json", backend);
        using var folder = new TemporaryFolder();
        using var reference = SafetensorsFile.Open(Path.Combine(TestData.Golden($"adapters/{name}"), "golden.safetensors"));
        golden.Model.Adapters.Load(TestData.Golden($"adapters/{name}"));
        ModelMerger.Save(golden.Model, folder.Path, DType.Float32);
        using var written = SafetensorsFile.Open(folder["model.safetensors"]);
        const string Prefix = "merged.weight.";
        var recorded = reference.Tensors.Keys.Where(tensor => tensor.StartsWith(Prefix, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(recorded);
        foreach (var tensor in recorded) RelativeError.AtMost(1e-6, reference.ReadFloats(tensor), written.ReadFloats(tensor[Prefix.Length..]), tensor);
    }

    [Fact]
    public void The_folder_says_what_transformers_wants_to_know()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.Create(backend);
        using var folder = new TemporaryFolder();
        var report = ModelMerger.Save(model, folder.Path, DType.BFloat16);
        Assert.Equal((0, 0.0), (report.MergedLayers, report.UpdateShare));
        Assert.Equal(["config.json", "model.safetensors"], Directory.EnumerateFiles(folder.Path).Select(Path.GetFileName).Order());
        using var config = System.Text.Json.JsonDocument.Parse(File.ReadAllText(folder["config.json"]));
        Assert.Equal("bfloat16", config.RootElement.GetProperty("torch_dtype").GetString());
        Assert.Equal("LlamaForCausalLM", config.RootElement.GetProperty("architectures")[0].GetString());
        using var file = ModelFile.Open(folder.Path);
        Assert.Equal(TinyModel.Config with { EosTokenIds = file.Config.EosTokenIds }, file.Config);
    }

    [Fact]
    public void Random_models_depend_on_their_seed_alone()
    {
        byte[] Write(string backendName, ulong seed)
        {
            using var backend = TestBackends.Create(backendName);
            using var model = TinyModel.Create(backend, seed);
            using var folder = new TemporaryFolder();
            ModelMerger.Save(model, folder.Path, DType.Float32);
            return File.ReadAllBytes(folder["model.safetensors"]);
        }

        var first = Write("reference", 3);
        Assert.Equal(first, Write("cpu-128", 3));
        Assert.NotEqual(first, Write("reference", 4));
    }

    [Fact]
    public void What_cannot_be_merged_leaves_the_folder_as_it_was()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.Create(backend);
        using var folder = new TemporaryFolder();
        Assert.Contains("float32 or bfloat16", Assert.Throws<QLoraException>(() => ModelMerger.Save(model, folder["merged"], DType.Float16)).Message);
        model.Adapters.AddNew(new LoraConfig { TargetModules = TargetModules.Names(["lm_head"]) });
        Assert.Contains("lm_head", Assert.Throws<QLoraException>(() => ModelMerger.Save(model, folder["merged"], DType.Float32)).Message);
        model.Adapters.Use(null);
        File.WriteAllText(folder["file"], "");
        Assert.Contains("cannot be written", Assert.Throws<QLoraException>(() => ModelMerger.Save(model, folder["file"], DType.Float32)).Message);
        Assert.Equal(["file"], Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName));
    }

    private static float[] Logits(CausalLanguageModel model)
    {
        using var context = new ForwardContext(model, TokenBatch.Of([.. Enumerable.Range(0, 30).Select(i => 3 + i * i % 100)]));
        return model.Backend.ToHost(model.LmHead.Forward(model.Forward(context), context).Value);
    }

    private static void Randomise(Tensor tensor)
    {
        var values = tensor.Span<float>();
        for (var i = 0; i < values.Length; i++) values[i] = 0.1f * MathF.Sin(i * 1.7f + values.Length);
    }
}
