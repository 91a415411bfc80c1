using QLora.Autograd;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>
/// The recorded models, of every family: logits and hidden states to 1e-4 relative, losses to 1e-5, gradients to 1e-3, on every backend, with both forms of the config, with and without recomputation.
/// </summary>
public class ModelGoldenTests
{
    internal static readonly string[] WithAdapter =
    [
        "llama", "llama_mha_bias", "llama3_rope", "llama_linear_rope", "llama_yarn_rope", "llama_dynamic_rope", "llama_bnb_nf4_dq_float32", "llama_mha_bias_bnb_fp4_float32",
        "mistral_swa", "qwen2", "qwen2_bnb_nf4_dq_bfloat16", "qwen3", "qwen3_bnb_nf4_float16", "gemma2", "gemma3_text", "phi3", "phi3_partial_rotary", "olmo2", "granite", "smollm3",
        "gpt2", "mixtral", "qwen3_moe",
    ];

    internal static readonly string[] Sharded = ["llama_sharded_bfloat16", "llama_sharded_float16"];

    public static TheoryData<string, string, string> Models() => Combine(WithAdapter.Concat(Sharded));

    public static TheoryData<string, string, string> ModelsWithAdapter() => Combine(WithAdapter);

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_hidden_states_and_loss_are_those_recorded(string name, string config, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, config, backend);
        IsAsRecorded(golden);
    }

    [Theory]
    [MemberData(nameof(ModelsWithAdapter))]
    public void Adapter_gives_the_recorded_logits_loss_gradients_and_counts(string name, string config, string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var golden = GoldenModel.Open(name, config, backend);
        WithAdapterIsAsRecorded(golden, GradientCheckpointing.None, GradientCheckpointing.Recompute);
    }

    internal static void IsAsRecorded(GoldenModel golden)
    {
        var report = Passed(golden, new VerificationOptions());
        Assert.Contains(report.Checks, check => check.Name == "logits");
        Assert.Equal(golden.Reference.Names.Count(name => name.StartsWith("hidden.", StringComparison.Ordinal)), report.Checks.Count(check => check.Name.StartsWith("hidden.", StringComparison.Ordinal)));
        Assert.InRange(report.Checks.Single(check => check.Name == "loss").RelativeError, 0, 1e-5);
    }

    internal static void WithAdapterIsAsRecorded(GoldenModel golden, params ReadOnlySpan<GradientCheckpointing> ways)
    {
        golden.Model.Adapters.Load(Path.Combine(golden.Folder, "adapter"));
        foreach (var checkpointing in ways)
        {
            var report = Passed(golden, new VerificationOptions { GradientCheckpointing = checkpointing });
            Assert.Contains(report.Checks, check => check.Name == "lora.logits");
            Assert.Equal(golden.Model.Adapters.Active!.Parameters.Count(), report.Checks.Count(check => check.Name.StartsWith("lora.grad.", StringComparison.Ordinal)));
            Assert.InRange(report.Checks.Single(check => check.Name == "lora.loss").RelativeError, 0, 1e-5);
        }
    }

    private static VerificationReport Passed(GoldenModel golden, VerificationOptions options)
    {
        var report = Verifier.Verify(golden.Model, golden.Reference, options);
        Assert.All(report.Checks, check => Assert.True(check.Passed, check.ToString()));
        Assert.True(report.Passed);
        return report;
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
