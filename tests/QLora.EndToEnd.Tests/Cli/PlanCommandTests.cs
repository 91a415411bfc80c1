using System.Text.Json;
using QLora.Cli.Frame;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class PlanCommandTests
{
    private static readonly string[] Budgets = ["weights_bytes", "adapter_bytes", "activations_bytes", "workspace_bytes", "process_bytes"];

    [Fact]
    public void Json_has_the_keys_of_the_design()
    {
        var json = Qlora.Run("plan", "--model", TinyData.Model, "--rank", "4", "--max-length", "64", "--json").Succeeded().Json;
        Assert.All(Budgets, key => Assert.True(json.GetProperty(key).GetInt64() > 0, key));
        Assert.Equal(Budgets.Sum(key => json.GetProperty(key).GetInt64()), json.GetProperty("total_bytes").GetInt64());
        Assert.Equal(4 * 4 * 7_808, json.GetProperty("adapter_bytes").GetInt64());
        Assert.True(json.GetProperty("fits").GetBoolean());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("instead").ValueKind);
        Assert.Equal(4, json.GetProperty("saved").GetArrayLength());
    }

    [Fact]
    public void What_does_not_fit_ends_with_1_and_says_what_would()
    {
        string[] plan = ["plan", "--model", TinyData.Model, "--batch-size", "64", "--max-length", "256", "--gradient-checkpointing", "false"];
        var whole = Qlora.Run([.. plan, "--json"]).Succeeded().Json;
        var memory = whole.GetProperty("total_bytes").GetInt64() - whole.GetProperty("activations_bytes").GetInt64() / 2;
        var outcome = Qlora.Run([.. plan, "--memory", $"{memory}B", "--json"]);
        Assert.Equal(1, outcome.ExitCode);
        Assert.False(outcome.Json.GetProperty("fits").GetBoolean());
        var instead = outcome.Json.GetProperty("instead");
        Assert.StartsWith("--gradient-checkpointing true", instead.GetProperty("options").GetString(), StringComparison.Ordinal);
        Assert.InRange(instead.GetProperty("total_bytes").GetInt64(), 1, memory);

        var text = Qlora.Run([.. plan, "--memory", $"{memory}B"]);
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("does not fit", text.Output, StringComparison.Ordinal);
        Assert.Contains("--gradient-checkpointing true --batch-size", text.Output, StringComparison.Ordinal);
        Assert.Contains("nothing that was tried would", Qlora.Run([.. plan, "--memory", "1MB"]).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void People_see_the_budgets_and_what_each_block_keeps()
    {
        var text = Qlora.Run("plan", "--model", TinyData.Model, "--gradient-checkpointing", "false", "--memory", "64GiB").Succeeded().Output;
        foreach (var word in new[] { "weights", "adapter", "activations", "workspace", "process", "total", "inputs and embeddings", "block 0", "fits: needs", "64.0 GiB" })
        {
            Assert.Contains(word, text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Moments_of_8_bits_need_less_and_are_among_the_options()
    {
        JsonElement Plan(params string[] more) => Qlora.Run(["plan", "--model", TinyData.Model, "--rank", "64", "--json", .. more]).Succeeded().Json;
        var (single, quantized) = (Plan(), Plan("--optimizer", "adamw8bit"));
        Assert.InRange(quantized.GetProperty("adapter_bytes").GetInt64() / (double)single.GetProperty("adapter_bytes").GetInt64(), 0.6, 0.9);
        Assert.Contains("--optimizer adamw8bit", quantized.GetProperty("options").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("--optimizer", single.GetProperty("options").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Activations_in_bfloat16_need_about_half()
    {
        string[] plan = ["plan", "--model", TinyData.Model, "--batch-size", "64", "--max-length", "256", "--gradient-checkpointing", "false", "--json"];
        long Saved(params string[] more) => Qlora.Run([.. plan, .. more]).Succeeded().Json.GetProperty("saved").EnumerateArray().Sum(layer => layer.GetProperty("bytes").GetInt64());
        Assert.InRange(Saved("--compute-dtype", "bfloat16") / (double)Saved(), 0.5, 0.6);
    }

    [Fact]
    public void A_gpu_need_not_be_here()
    {
        string[] plan = ["plan", "--model", TinyData.Model, "--device", "cuda:7"];
        var json = Qlora.Run([.. plan, "--memory", "8GiB", "--json"]).Succeeded().Json;
        Assert.Equal(512L << 20, json.GetProperty("process_bytes").GetInt64());
        Assert.Contains("driver", Qlora.Run([.. plan, "--memory", "8GiB"]).Succeeded().Output, StringComparison.Ordinal);
        var refused = Qlora.Run(plan);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("there is no device cuda:7 here", refused.Error, StringComparison.Ordinal);
        Assert.Contains("--memory 8GiB", refused.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_is_enough()
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", File.ReadAllText(Path.Combine(TinyData.Model, "config.json")));
        var outcome = Qlora.Run("plan", "--model", folder.Path, "--json").Succeeded();
        Assert.Contains("taken to be in bfloat16", outcome.Error, StringComparison.Ordinal);
        Assert.True(outcome.Json.GetProperty("total_bytes").GetInt64() > 0);
        Assert.True(Qlora.Run("plan", "--model", TinyData.Model, "--method", "full", "--json").Succeeded().Json.GetProperty("adapter_bytes").GetInt64() >= 12 * 84_288);
    }

    [Fact]
    public void Train_refuses_before_loading_what_does_not_fit()
    {
        using var folder = new TemporaryFolder();
        string[] train = ["train", "--model", TinyData.Model, "--data", folder.WriteTokens(), "--output", folder["out"], "--max-steps", "1"];
        var refused = Qlora.Run([.. train, "--memory", "20MB"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Empty(refused.Output);
        Assert.Contains("error: the run does not fit: needs", refused.Error, StringComparison.Ordinal);
        Assert.Contains("activations: ", refused.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]) && Directory.EnumerateFileSystemEntries(folder["out"]).Any());
        Qlora.Run([.. train, "--memory", "64GiB"]).Succeeded();
    }

    [Theory]
    [InlineData("600MB", 600_000_000), InlineData("8GiB", 8L << 30), InlineData("1.5 GiB", 3L << 29), InlineData("2tb", 2_000_000_000_000), InlineData("64kb", 64_000), InlineData("7B", 7)]
    public void Sizes_have_units(string text, long bytes) => Assert.Equal(bytes, MemorySize.Parse(text));

    [Theory]
    [InlineData("8"), InlineData("GiB"), InlineData("-1GB"), InlineData("8 gigabytes"), InlineData("0MB"), InlineData("1e3GB"), InlineData("99999999999TB"), InlineData("")]
    public void What_is_no_size_is_a_wrong_command_line(string text)
        => Qlora.Run("plan", "--model", TinyData.Model, $"--memory={text}").Failed(2, "--memory");

    [Fact]
    public void Wrong_settings_are_told()
    {
        Qlora.Run("plan", "--json").Failed(2, "--model");
        Qlora.Run("plan", "--model", "m", "--method", "full", "--rank", "8").Failed(2, "--method full");
        Qlora.Run("plan", "--model", "m", "--adapter", "a", "--rank", "8").Failed(2, "--adapter", "--rank");
        Qlora.Run("plan", "--model", TinyData.Model, "--target-modules", "q_prj").Failed(3, "q_prj", "q_proj");
    }
}
