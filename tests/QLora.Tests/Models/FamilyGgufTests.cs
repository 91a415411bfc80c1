using QLora.Checkpoints;
using QLora.Models;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>Every family in GGUF files: names both ways, and the recorded logits from a file as llama.cpp's converter writes it.</summary>
public sealed class FamilyGgufTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>A recorded model of each family, and what its file is recognised as.</summary>
    public static TheoryData<string, string> Families => new()
    {
        { "llama", "llama" }, { "mistral_swa", "mistral" }, { "qwen2", "qwen2" }, { "qwen3", "qwen3" }, { "phi3", "phi3" }, { "phi3_partial_rotary", "phi3" }, { "olmo2", "olmo2" },
        { "granite", "granite" }, { "smollm3", "smollm3" }, { "gpt2", "gpt2" }, { "mixtral", "mixtral" }, { "qwen3_moe", "qwen3_moe" },
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void It_computes_what_the_folder_computes(string name, string family)
    {
        var folder = TestData.Golden($"models/{name}");
        using (var file = ModelFile.Open(folder)) GgufModel.Write(file, _folder["model.gguf"]);
        using var gguf = ModelFile.Open(_folder["model.gguf"]);
        Assert.Equal(family, gguf.Family.ModelType);
        using var reference = ReferenceFile.Open(Path.Combine(folder, "golden.safetensors"));
        using var backend = TestBackends.Create("cpu-512");
        using var model = gguf.Load(backend, QuantizationOptions.None);
        var report = Verifier.Verify(model, reference, new VerificationOptions());
        Assert.Contains(report.Checks, check => check.Name == "logits");
        Assert.All(report.Checks, check => Assert.True(check.Passed, check.ToString()));
    }

    /// <summary>
    /// Gemma's recorded models are not of the sizes that llama.cpp has built in (the factor of the scores, the pattern of the layers), so their logits cannot come from a file; their weights can.
    /// </summary>
    [Theory]
    [InlineData("gemma2", "gemma2"), InlineData("gemma3_text", "gemma3_text")]
    public void Its_weights_are_those_of_the_folder(string name, string family)
    {
        using var folder = ModelFile.Open(TestData.Golden($"models/{name}"));
        GgufModel.Write(folder, _folder["model.gguf"]);
        using var gguf = ModelFile.Open(_folder["model.gguf"]);
        Assert.Equal(family, gguf.Family.ModelType);
        using var backend = TestBackends.Create("reference");
        using var one = folder.Load(backend, QuantizationOptions.None);
        using var other = gguf.Load(backend, QuantizationOptions.None);
        var pairs = one.Modules.SelectMany(module => module.Parameters).Zip(other.Modules.SelectMany(module => module.Parameters)).ToList();
        Assert.NotEmpty(pairs);
        Assert.All(pairs, pair => Assert.Equal(pair.First.Value.Span<float>(), pair.Second.Value.Span<float>()));
    }

    [Theory]
    [MemberData(nameof(Families))]
    [InlineData("gemma2", "gemma2"), InlineData("gemma3_text", "gemma3_text")]
    public void Names_lead_both_ways_without_loss(string name, string family)
    {
        using var file = ModelFile.Open(TestData.Golden($"models/{name}"));
        Assert.Equal(family, file.Family.ModelType);
        var weights = file.Modules.SelectMany(module => module.Weights).ToList();
        Assert.All(weights, weight => Assert.NotNull(weight.GgufName));

        // A name there, with the number of the expert where all are one tensor, leads back to one name here.
        var places = weights.Select(weight => (weight.NameIn(WeightNaming.Gguf), (weight.GgufTransform as ExpertSlice)?.Index)).ToList();
        Assert.Equal(weights.Count, places.Distinct().Count());
        Assert.Equal(weights.Count, weights.Select(weight => weight.Name).Distinct().Count());
        Assert.Equal(file.Weights!.Weights.Keys.Order(StringComparer.Ordinal), weights.Select(weight => weight.Name).Order(StringComparer.Ordinal));
    }
}
