using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

/// <summary>What of the demo does not take a minute; the whole of it is run by CI, which holds it to its figures.</summary>
public class DemoCommandTests
{
    [Fact]
    public void The_text_of_the_bundled_model_is_the_same_each_time_and_has_no_house_in_it()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("demo", "--pretraining-text", folder["a.jsonl"], "--rows", "500").Succeeded();
        Qlora.Run("demo", "--pretraining-text", folder["b.jsonl"], "--rows", "500").Succeeded();
        var text = File.ReadAllText(folder["a.jsonl"]);
        Assert.Equal(text, File.ReadAllText(folder["b.jsonl"]));
        Assert.Equal(500, text.Count(c => c == '\n'));
        Assert.All(["lamp", "thermostat", "kitchen", "\"device"], word => Assert.DoesNotContain(word, text, StringComparison.Ordinal));
    }

    [Fact]
    public void What_cannot_be_written_is_refused_before_anything_is_done()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("demo", "--output", folder.Write("file", "")).Failed(3, "is a file, expected a folder");
        Qlora.Run("demo", "--rows", "5").Failed(2, "--pretraining-text");
        Directory.CreateDirectory(folder["run"]);
        File.WriteAllText(folder["run/adapter_config.json"], "{}");
        Qlora.Run("demo", "--output", folder["run"]).Failed(3, "earlier run");
        Assert.Equal("{}", File.ReadAllText(folder["run/adapter_config.json"]));
    }
}
