using System.Text.Json;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class InitCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Fact]
    public void A_new_model_has_its_config_and_its_tokenizer()
    {
        foreach (var name in new[] { "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json" }) Assert.True(File.Exists(Path.Combine(model.Path, name)), name);
        var json = Qlora.Run("inspect", model.Path, "--json").Succeeded().Json;
        Assert.Equal(258, json.GetProperty("vocabulary").GetInt32());
        Assert.Equal(Qlora.Run("inspect", model.Config, "--json").Succeeded().Json.GetProperty("parameters").GetInt64(), json.GetProperty("parameters").GetInt64());
    }

    [Fact]
    public void The_same_seed_makes_the_same_model_and_another_seed_another()
    {
        using var folder = new TemporaryFolder();
        byte[] Make(string name, string seed)
        {
            var json = Qlora.Run("init", Path.Combine(model.Config, "config.json"), "--output", folder[name], "--seed", seed, "--json").Succeeded().Json;
            Assert.Equal(folder[name], json.GetProperty("model").GetString());
            return File.ReadAllBytes(Path.Combine(folder[name], "model.safetensors"));
        }

        var first = Make("a", "7");
        Assert.Equal(first, Make("b", "7"));
        Assert.NotEqual(first, Make("c", "8"));
    }

    [Fact]
    public void Half_precision_is_half_the_size()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("init", model.Config, "--output", folder["half"], "--dtype", "bfloat16").Succeeded();
        Assert.Equal("bfloat16", JsonDocument.Parse(File.ReadAllText(Path.Combine(folder["half"], "config.json"))).RootElement.GetProperty("torch_dtype").GetString());
        var (half, full) = (Bytes(folder["half"]), Bytes(model.Path));
        Assert.Equal(full, 2 * half);
    }

    [Fact]
    public void A_model_is_not_replaced_unasked()
    {
        Qlora.Run("init", model.Config, "--output", model.Path).Failed(3, "--overwrite", model.Path);
        Qlora.Run("init", Path.Combine(model.Config, "nothing.json"), "--output", "/dev/null/x").Failed(3, "nothing.json");
        Qlora.Run("init", model.Config, "--output", model.Chats).Failed(3, "is a file, expected a folder");
        Qlora.Run("init", model.Config, "--output", Path.Combine(model.Chats, "below-a-file")).Failed(3, "below-a-file");
    }

    private static long Bytes(string folder) => Qlora.Run("inspect", folder, "--json").Succeeded().Json.GetProperty("bytes").GetInt64();
}
