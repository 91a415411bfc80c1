using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Testing;
using QLora.Tests.Training;

namespace QLora.Tests.Adapters;

/// <summary>Adapters that PEFT made, on its base model: logits to 1e-4, gradients to 1e-3, what they merge to, and many of them on one base.</summary>
public class GoldenAdapterTests
{
    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var name in new[] { "plain", "rslora", "regex_target", "target_parameters_none" })
        {
            foreach (var backend in TestBackends.Names) data.Add(name, backend);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void LogitsLossAndGradientsAreThoseRecorded(string name, string backendName)
    {
        using var golden = Golden(name);
        using var backend = TestBackends.Create(backendName);
        using var model = Llama(backend);
        model.Adapters.Load(TestData.Golden($"adapters/{name}"));
        RelativeError.AtMost(1e-4, Rows(golden, "logits"), Logits(model, golden), "logits");
        Assert.Equal(golden.ReadIntegers("trainable_parameters")[0], model.ParameterCount.Trainable);

        model.Adapters.Train();
        var batch = Batch(golden);
        using var context = new ForwardContext(model, batch, new ForwardOptions(Record: true, GradientCheckpointing.Recompute));
        var loss = context.CrossEntropySum(model.Forward(context), model.LmHead, 1f / batch.Targets.Length) / batch.Targets.Length;
        context.Backward();
        Assert.Equal(golden.ReadFloats("loss")[0], loss, 1e-4);
        foreach (var parameter in model.TrainableParameters)
        {
            RelativeError.AtMost(1e-3, golden.ReadFloats("grad." + parameter.Name), backend.ToHost(parameter.Gradient!.Value), parameter.Name);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void MergedModelsComputeWhatPeftsDo(string name, string backendName)
    {
        using var golden = Golden(name);
        using var backend = TestBackends.Create(backendName);
        using var folder = new TemporaryFolder();
        using var model = Llama(backend);
        model.Adapters.Load(TestData.Golden($"adapters/{name}"));
        ModelMerger.Save(model, folder["float32"], DType.Float32);
        ModelMerger.Save(model, folder["bfloat16"], DType.BFloat16);

        foreach (var (precision, tolerance) in new[] { ("float32", 1e-4), ("bfloat16", 0.02) })
        {
            using var file = ModelFile.Open(folder[precision]);
            using var merged = file.Load(backend, QuantizationOptions.None);
            RelativeError.AtMost(tolerance, Rows(golden, "merged.logits"), Logits(merged, golden), $"merged as {precision}");
        }
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void AdaptersAreSwappedOnOneBase(string backendName)
    {
        using var golden = Golden("multi");
        using var backend = TestBackends.Create(backendName);
        using var model = Llama(backend);
        foreach (var name in new[] { "a", "b", "c" }) model.Adapters.Load(TestData.Golden($"adapters/multi/{name}"), name);
        Assert.Equal(["a", "b", "c"], model.Adapters.Names);
        foreach (var name in new[] { "b", null, "a", "c", "a", null })
        {
            model.Adapters.Use(name);
            RelativeError.AtMost(1e-4, Rows(golden, $"{name ?? "base"}.logits"), Logits(model, golden), name ?? "base");
        }

        model.Adapters.Use("c");
        model.Adapters.Remove("b");
        RelativeError.AtMost(1e-4, Rows(golden, "c.logits"), Logits(model, golden), "c, after b was removed");
        model.Adapters.Remove("c");
        RelativeError.AtMost(1e-4, Rows(golden, "base.logits"), Logits(model, golden), "base, after c was removed in use");
        Assert.Equal("there is no adapter 'b'; there are a", Assert.Throws<QLoraException>(() => model.Adapters.Use("b")).Message);
    }

    [Theory]
    [InlineData("dora"), InlineData("rank_pattern"), InlineData("layers_to_transform"), InlineData("exclude_modules"), InlineData("modules_to_save"),
     InlineData("lora_bias"), InlineData("trainable_tokens"), InlineData("bias_all"), InlineData("bias_lora_only"), InlineData("embedding")]
    public void AnAdapterOfAKindThatIsNotSupportedIsRefused(string name)
    {
        using var backend = TestBackends.Create("reference");
        using var model = Llama(backend);
        var (folder, before) = (TestData.Golden($"adapters/{name}"), backend.Memory.InUse);
        var error = Assert.Throws<QLoraException>(() => model.Adapters.Load(folder));
        Assert.Matches("not supported|can carry an adapter", error.Message);
        Assert.Null(model.Adapters.Active);
        Assert.Equal(before, backend.Memory.InUse);
    }

    public static TheoryData<string> Backends() => [.. TestBackends.Names];

    private static SafetensorsFile Golden(string name) => SafetensorsFile.Open(TestData.Golden($"adapters/{name}/golden.safetensors"));

    private static CausalLanguageModel Llama(Backend backend)
    {
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        return file.Load(backend, QuantizationOptions.None);
    }

    private static TokenBatch Batch(SafetensorsFile golden) => TokenBatch.FromPadded(
        golden.ReadIntegers("input_ids"), golden.ReadIntegers("attention_mask"), golden.Tensors.ContainsKey("labels") ? golden.ReadIntegers("labels") : [],
        golden.Tensors["input_ids"].Shape[1]);

    private static float[] Logits(CausalLanguageModel model, SafetensorsFile golden)
    {
        using var context = new ForwardContext(model, Batch(golden));
        return model.Backend.ToHost(model.LmHead.Forward(model.Forward(context), context).Value);
    }

    /// <summary>Recorded rows of tokens that are not padding.</summary>
    private static float[] Rows(SafetensorsFile golden, string tensor)
    {
        var (all, mask) = (golden.ReadFloats(tensor), golden.ReadIntegers("attention_mask"));
        var columns = all.Length / mask.Length;
        return [.. Enumerable.Range(0, mask.Length).Where(row => mask[row] == 1).SelectMany(row => all[(row * columns)..((row + 1) * columns)])];
    }
}
