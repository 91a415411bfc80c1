using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class ExportCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Fact]
    public void The_exported_model_answers_as_the_model_does()
    {
        using var folder = new TemporaryFolder();
        var json = Qlora.Run("export", "--model", model.Path, "--output", folder["small"], "--dtype", "float32", "--json").Succeeded().Json;
        Assert.Equal((folder["small"], "bnb"), (json.GetProperty("model").GetString(), json.GetProperty("format").GetString()));
        Assert.Equal(new FileInfo(Path.Combine(folder["small"], "model.safetensors")).Length, json.GetProperty("bytes").GetInt64());
        string Answer(string path) => Qlora.Run("generate", "--model", path, "--chat", "--prompt", "lamp on", "--max-new-tokens", "8").Succeeded().Output;
        Assert.Equal(Answer(model.Path), Answer(folder["small"]));
        Qlora.Run("export", "--model", model.Path, "--output", folder["small"]).Failed(3, "--overwrite");
        Qlora.Run("export", "--model", model.Path, "--output", folder["small"], "--overwrite", "--quantization", "fp4", "--format", "bnb").Succeeded();
    }

    [Fact]
    public void What_cannot_be_exported_is_refused()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("export", "--model", model.Path, "--output", folder["m"], "--quantization", "none").Failed(3, "no weight of the model is in 4 bits");
        Qlora.Run("export", "--model", model.Path, "--output", folder["m"], "--format", "gguf").Failed(2, "bnb");
        Qlora.Run("export", "--model", folder["none"], "--output", folder["m"]).Failed(3, "there is no such model");
        Assert.False(File.Exists(Path.Combine(folder["m"], "config.json")));
    }
}
