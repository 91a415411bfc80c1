using QLora.Autograd;
using QLora.Backends;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>Every family in NF4: which weights are in 4 bits, and that its logits are off by what NF4 does to the weights and by nothing else.</summary>
public class FamilyQuantizationTests
{
    public static TheoryData<string> Families =>
        ["llama", "mistral_swa", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "olmo2", "granite", "smollm3", "gpt2", "mixtral", "qwen3_moe"];

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_are_those_of_the_dequantised_weights(string name)
    {
        using var backend = TestBackends.Create("cpu-512");
        using var file = ModelFile.Open(TestData.Golden($"models/{name}"));
        using var reference = ReferenceFile.Open(TestData.Golden($"models/{name}/golden.safetensors"));
        using var quantized = file.Load(backend);
        using var dense = file.Family.Create(file.Config, new DequantizedBuilder(new CheckpointBuilder(file.Weights!, backend, new QuantizationOptions(), null)));
        using var exact = file.Load(backend, QuantizationOptions.None);
        var logits = Logits(quantized, reference.Batch);
        Assert.InRange(Distance(logits, Logits(dense, reference.Batch)), 0, 1e-5);
        Assert.InRange(Distance(logits, Logits(exact, reference.Batch)), 1e-3, 0.5); // it is quantised, and still the same model
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Every_linear_layer_but_heads_and_routers_is_in_4_bits(string name)
    {
        using var backend = TestBackends.Create("cpu-512");
        using var file = ModelFile.Open(TestData.Golden($"models/{name}"));
        using var model = file.Load(backend);
        var linears = model.Modules.OfType<Linear>().ToList();
        Assert.All(linears, linear => Assert.Equal(!linear.Spec.KeepFullPrecision, linear.Weight is QuantizedWeight));
        var full = linears.Where(linear => linear.Spec.KeepFullPrecision).Select(linear => linear.Path).ToList();
        Assert.All(full, path => Assert.True(path == "lm_head" || path.EndsWith(".gate", StringComparison.Ordinal), path));
        Assert.Equal(name is "mixtral" or "qwen3_moe" ? 1 + file.Config.NumHiddenLayers : 1, full.Count);
    }

    internal static float[] Logits(CausalLanguageModel model, TokenBatch batch)
    {
        using var context = new ForwardContext(model, batch);
        var logits = context.Logits(model.Forward(context), model.LmHead).Value;
        var values = new float[logits.Count];
        model.Backend.CopyToHost(logits, values.AsSpan());
        return values;
    }

    /// <summary>The norm of the difference over the norm.</summary>
    private static double Distance(float[] actual, float[] expected)
        => Math.Sqrt(actual.Zip(expected, (a, e) => (double)(a - e) * (a - e)).Sum() / expected.Sum(e => (double)e * e));

    /// <summary>Makes the model with the weights that NF4 leaves, in full precision.</summary>
    private sealed class DequantizedBuilder(CheckpointBuilder inner) : ModuleBuilder(inner.Backend)
    {
        public override Embedding Embedding(EmbeddingSpec spec) => inner.Embedding(spec);

        public override RmsNorm RmsNorm(RmsNormSpec spec) => inner.RmsNorm(spec);

        public override LayerNorm LayerNorm(LayerNormSpec spec) => inner.LayerNorm(spec);

        public override Linear Linear(LinearSpec spec, Embedding? tiedTo)
        {
            var linear = inner.Linear(spec, tiedTo);
            if (linear.Weight is not QuantizedWeight weight) return linear;
            var dense = new Linear(spec, new DenseWeight(new Parameter($"{spec.Path}.weight", weight.ToFloat32(Backend, new Shape(spec.Out, spec.In)))), linear.Bias);
            weight.Dispose();
            return dense;
        }
    }
}
