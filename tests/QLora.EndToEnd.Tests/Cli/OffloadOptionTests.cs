using QLora.Cli.Frame;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class OffloadOptionTests
{
    [Fact]
    public void What_is_offloaded_is_a_line_of_its_own_in_a_plan()
    {
        using var folder = new TemporaryFolder();
        string[] plan = ["plan", "--model", TinyData.Model, "--device", "cuda", "--memory", "8GiB"];
        long Pinned(params string[] more) => Qlora.Run([.. plan, .. more, "--json"]).Succeeded().Json.GetProperty("pinned_bytes").GetInt64();
        Assert.Equal(256 << 20, Pinned("--gradient-checkpointing", "offload"));
        Assert.Equal(256 << 20, Pinned("--config", folder.Write("settings.json", """{"gradient-checkpointing": "offload"}""")));
        Assert.Equal(0, Pinned("--gradient-checkpointing", "true"));
        Assert.Contains("pinned memory of the host", Qlora.Run([.. plan, "--gradient-checkpointing", "offload"]).Succeeded().Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("plan"), InlineData("bench"), InlineData("verify"), InlineData("train")]
    public void On_the_processor_it_is_refused_before_the_model_is_loaded(string command)
    {
        using var folder = new TemporaryFolder();
        string[] needed = command switch
        {
            "verify" => ["--reference", TestData.Golden("models/llama/golden.safetensors")],
            "train" => ["--data", folder.WriteTokens(), "--output", folder["out"]],
            _ => [],
        };
        var outcome = Qlora.Run([command, "--model", TinyData.Model, "--device", "cpu", "--gradient-checkpointing", "offload", .. needed]);
        Assert.Equal(ExitCode.BadInput, outcome.ExitCode);
        Assert.Contains("--gradient-checkpointing offload moves", outcome.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder["out"]));
    }

    [Fact]
    public void Another_word_is_refused_with_those_that_there_are()
    {
        var outcome = Qlora.Run("plan", "--model", TinyData.Model, "--gradient-checkpointing", "maybe");
        Assert.Equal(ExitCode.WrongCommandLine, outcome.ExitCode);
        Assert.Contains("'maybe' given, expected true, false or offload", outcome.Error, StringComparison.Ordinal);
    }
}
