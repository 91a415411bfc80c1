using QLora.Autograd;
using QLora.Layers;
using QLora.Models;
using QLora.Planning;
using QLora.Tensors;

namespace QLora.Tests.Models;

/// <summary>Weights that a GGUF file stores as Q8_0: kept so where nothing else is asked for, widened where they are trained.</summary>
public sealed class EightBitWeightTests : IDisposable
{
    private static readonly int[] Tokens = [1, 5, 9, 2, 40, 7];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Embedding_and_head_keep_them_when_the_layers_are_quantised()
    {
        using var file = Open("llama");
        using var backend = TestBackends.Create("cpu-256");
        using var model = file.Load(backend);
        Assert.Equal(DType.Q8, model.Modules.OfType<Embedding>().Single().Weight.Value.DType);
        Assert.Equal(DType.Q8, model.LmHead.Weight.Parameter!.Value.DType);
        Assert.All(model.Modules.OfType<Linear>().Where(linear => linear != model.LmHead), linear => Assert.IsType<QuantizedWeight>(linear.Weight));
    }

    [Theory]
    [InlineData("llama"), InlineData("llama3_rope"), InlineData("qwen3")] // a head of its own, a tied one, other names
    public void They_are_the_numbers_of_the_file(string name)
    {
        using var file = Open(name);
        using var backend = TestBackends.Create("cpu-256");
        using var model = file.Load(backend, QuantizationOptions.None);
        var kept = model.Modules.SelectMany(module => module.Parameters).Where(parameter => parameter.Value.DType == DType.Q8).ToList();
        Assert.NotEmpty(kept);
        var names = file.Modules.SelectMany(module => module.Weights).ToDictionary(weight => weight.Name, weight => weight.GgufName!);
        foreach (var parameter in kept)
        {
            var expected = new float[parameter.Value.Count];
            file.Weights!.Read(names[parameter.Name], 0, expected);
            using var widened = backend.ToFloat32(parameter.Value);
            Assert.Equal(expected, widened.Span<float>());
        }
    }

    [Theory]
    [InlineData("llama", "cpu-256"), InlineData("llama3_rope", "cpu-512"), InlineData("llama3_rope", "reference")]
    public void They_compute_what_they_compute_when_they_are_widened_to_be_trained(string name, string backendName)
    {
        using var file = Open(name);
        using var backend = TestBackends.Create(backendName);
        using var model = file.Load(backend, QuantizationOptions.None);
        var logits = Logits(model);
        model.TrainAllWeights();
        Assert.All(model.TrainableParameters, parameter => Assert.Equal(DType.Float32, parameter.Value.DType));
        RelativeError.AtMost(1e-5, Logits(model), logits, "logits");
    }

    [Fact]
    public void They_are_planned()
    {
        using var file = Open("llama");
        using var backend = TestBackends.Create("cpu-256");
        var plan = new MemoryPlanner(file, backend).Plan(new PlannedRun { MaxLength = 48 });
        using var model = file.Load(backend);
        Assert.Equal(model.Modules.Sum(module => module.Bytes), plan.WeightsBytes);
    }

    private ModelFile Open(string name)
    {
        using (var folder = ModelFile.Open(TestData.Golden($"models/{name}"))) GgufModel.Write(folder, _folder["model.gguf"], matrices: DType.Q8);
        return ModelFile.Open(_folder["model.gguf"]);
    }

    private static float[] Logits(CausalLanguageModel model)
    {
        using var context = new ForwardContext(model, TokenBatch.Of(Tokens));
        var logits = context.Logits(model.Forward(context), model.LmHead).Value;
        var values = new float[logits.Count];
        model.Backend.CopyToHost(logits, values.AsSpan());
        return values;
    }
}
