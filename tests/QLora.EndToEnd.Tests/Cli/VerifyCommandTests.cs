using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class VerifyCommandTests
{
    private static string Reference => TestData.Golden("models/llama/golden.safetensors");

    [Theory]
    [InlineData("cpu", "false")]
    [InlineData("cpu", "true")]
    [InlineData("reference", "false")]
    public void A_recorded_model_passes(string device, string checkpointing)
    {
        var json = Qlora.Run("verify", "--model", TinyData.Model, "--adapter", TinyData.Adapter, "--reference", Reference, "--device", device, "--gradient-checkpointing", checkpointing, "--json").Succeeded().Json;
        Assert.True(json.GetProperty("passed").GetBoolean());
        var checks = json.GetProperty("checks").EnumerateArray().ToDictionary(check => check.GetProperty("name").GetString()!);
        foreach (var name in new[] { "logits", "loss", "hidden.0", "lora.logits", "lora.loss", "lora.trainable_parameters" }) Assert.Contains(name, checks);
        Assert.Equal(28, checks.Keys.Count(name => name.StartsWith("lora.grad.", StringComparison.Ordinal)));
        Assert.All(checks.Values, check => Assert.True(check.GetProperty("passed").GetBoolean()));
        Assert.All(checks.Values, check => Assert.True(check.GetProperty("relative_error").GetDouble() <= 1e-3 && check.GetProperty("max_abs_error").GetDouble() >= 0));
    }

    [Fact]
    public void A_failed_check_ends_with_1()
    {
        var outcome = Qlora.Run("verify", "--model", TinyData.Model, "--reference", Reference, "--quantization", "nf4", "--json");
        Assert.Equal(1, outcome.ExitCode);
        Assert.False(outcome.Json.GetProperty("passed").GetBoolean());
        var people = Qlora.Run("verify", "--model", TinyData.Model, "--reference", Reference, "--quantization", "nf4");
        Assert.Equal(1, people.ExitCode);
        Assert.Contains("checks failed", people.Output, StringComparison.Ordinal);
        Qlora.Run("verify", "--model", TinyData.Model, "--reference", Reference, "--quantization", "nf4", "--tolerance", "10").Succeeded();
    }

    [Fact]
    public void What_cannot_be_compared_is_refused()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("verify", "--model", TinyData.Model, "--reference", folder["nothing"], "--json").Failed(3, "nothing");
        Qlora.Run("verify", "--model", TinyData.Model, "--reference", Path.Combine(TinyData.Model, "model.safetensors"), "--json").Failed(3, "input_ids");
        Qlora.Run("verify", "--model", TinyData.Model, "--reference", TestData.Golden("models/llama_mha_bias/golden.safetensors"), "--adapter", TestData.Golden("models/llama_mha_bias/adapter"), "--json")
            .Failed(3, "for another model");
        Qlora.Run("verify", "--model", TinyData.Model).Failed(2, "--reference");
        Qlora.Run("verify", "--model", TinyData.Model, "--reference", Reference, "--tolerance", "-1").Failed(2, "a number from 0 up");
    }
}
