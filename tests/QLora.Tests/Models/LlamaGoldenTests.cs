using QLora.Adapters;
using QLora.Testing;

namespace QLora.Tests.Models;

/// <summary>
/// The recorded Llama models: logits and hidden states to 1e-4 relative, losses to 1e-5, gradients to 1e-3, on every backend, with both forms of the config, with and without recomputation.
/// </summary>
public class LlamaGoldenTests
{
    private static readonly string[] WithAdapter =
    [
        "llama", "llama_mha_bias", "llama3_rope", "llama_linear_rope", "llama_yarn_rope", "llama_dynamic_rope", "llama_bnb_nf4_dq_float32", "llama_mha_bias_bnb_fp4_float32",
    ];

    private static readonly string[] Sharded = ["llama_sharded_bfloat16", "llama_sharded_float16"];

    public static TheoryData<string, string, string> Models() => Combine(WithAdapter.Concat(Sharded));

    public static TheoryData<string, string, string> ModelsWithAdapter() => Combine(WithAdapter);

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_hidden_states_and_loss_are_those_recorded(string name, string config, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, config, backend);
        var (logits, hidden) = golden.Run();
        RelativeError.AtMost(1e-4, golden.RecordedRows("logits"), logits, "logits");
        if (golden.Golden.Tensors.ContainsKey("hidden.0"))
        {
            for (var i = 0; i < hidden.Count; i++) RelativeError.AtMost(1e-4, golden.RecordedRows($"hidden.{i}"), hidden[i], $"hidden.{i}");
        }

        Assert.Equal(golden.Golden.ReadFloats("loss")[0], golden.LossAndGradients(checkpoint: false), 1e-4);
    }

    [Theory]
    [MemberData(nameof(ModelsWithAdapter))]
    public void Adapter_gives_the_recorded_logits_loss_gradients_and_counts(string name, string config, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, config, backend);
        golden.Model.Adapters.Load(Path.Combine(golden.Folder, "adapter"));
        RelativeError.AtMost(1e-4, golden.RecordedRows("lora.logits"), golden.Run().Logits, "lora.logits");
        if (golden.Golden.Tensors.ContainsKey("lora.trainable_parameters"))
        {
            Assert.Equal(
                new ParameterCount(golden.Golden.ReadIntegers("lora.trainable_parameters")[0], golden.Golden.ReadIntegers("lora.all_parameters")[0]),
                golden.Model.ParameterCount);
        }

        golden.Model.Adapters.Train();
        foreach (var checkpoint in new[] { false, true })
        {
            Assert.Equal(golden.Golden.ReadFloats("lora.loss")[0], golden.LossAndGradients(checkpoint), 1e-4);
            foreach (var parameter in golden.Model.TrainableParameters)
            {
                RelativeError.AtMost(1e-3, golden.Golden.ReadFloats("lora.grad." + parameter.Name), golden.ToHost(parameter.Gradient!.Value), $"{parameter.Name}, recomputation {checkpoint}");
                backend.Clear(parameter.Gradient.Value);
            }
        }
    }

    private static TheoryData<string, string, string> Combine(IEnumerable<string> models)
    {
        var data = new TheoryData<string, string, string>();
        foreach (var model in models)
        {
            foreach (var config in new[] { "config.json", "config.v5.json" })
            {
                foreach (var backend in TestBackends.Names) data.Add(model, config, backend);
            }
        }

        return data;
    }
}
