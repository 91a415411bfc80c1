using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class MergeCommandTests(TextModel model) : IClassFixture<TextModel>
{
    [Theory]
    [InlineData("none", "1e-5")]
    [InlineData("nf4", "1e-5")]
    public void The_merged_model_is_the_model_with_its_adapter(string quantization, string tolerance)
    {
        using var folder = new TemporaryFolder();
        var json = Qlora.Run("merge", "--model", TinyData.Model, "--adapter", TinyData.Adapter, "--output", folder["merged"], "--dtype", "float32", "--quantization", quantization, "--json").Succeeded().Json;
        Assert.Equal((folder["merged"], 14), (json.GetProperty("model").GetString(), json.GetProperty("merged_layers").GetInt32()));
        Assert.Equal(0, json.GetProperty("rounding_share").GetDouble());

        double Loss(params string[] more) => Qlora.Run(["evaluate", "--data", folder.WriteTokens(), "--json", .. more]).Succeeded().Json.GetProperty("loss").GetDouble();
        var apart = Loss("--model", TinyData.Model, "--adapter", TinyData.Adapter, "--quantization", quantization);
        Assert.Equal(apart, Loss("--model", folder["merged"], "--quantization", "none"), double.Parse(tolerance, System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void The_tokenizer_comes_along()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("train", "--model", model.Path, "--data", model.Chats, "--output", folder["adapter"], "--max-steps", "1").Succeeded();
        var outcome = Qlora.Run("merge", "--model", model.Path, "--adapter", folder["adapter"], "--output", folder["merged"]).Succeeded();
        Assert.Contains("layers changed  14", outcome.Output, StringComparison.Ordinal);
        Qlora.Run("generate", "--model", folder["merged"], "--chat", "--prompt", "lamp on", "--max-new-tokens", "2").Succeeded();
        Qlora.Run("merge", "--model", model.Path, "--adapter", folder["adapter"], "--output", folder["merged"]).Failed(3, "--overwrite");
        Qlora.Run("merge", "--model", model.Path, "--adapter", folder["adapter"], "--output", folder["merged"], "--overwrite").Succeeded();
    }

    [Fact]
    public void Without_an_adapter_the_model_is_written_in_another_precision()
    {
        using var folder = new TemporaryFolder();
        var json = Qlora.Run("merge", "--model", model.Path, "--output", folder["halved"], "--dtype", "bfloat16", "--json").Succeeded().Json;
        Assert.Equal(0, json.GetProperty("merged_layers").GetInt32());
        Assert.InRange(json.GetProperty("rounding_share").GetDouble(), 1e-6, 1.0 / 256); // half a unit in the last of eight bits
        Qlora.Run("generate", "--model", folder["halved"], "--chat", "--prompt", "lamp on", "--max-new-tokens", "2").Succeeded();
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("merge", "--model", TinyData.Model, "--adapter", folder.Path, "--output", folder["m"]).Failed(3, "there is no adapter here");
        Qlora.Run("merge", "--model", TinyData.Adapter, "--adapter", TinyData.Adapter, "--output", folder["m"]).Failed(3, "this is an adapter, expected the model");
        Qlora.Run("merge", "--model", TinyData.Model, "--adapter", TestData.Golden("models/llama_mha_bias/adapter"), "--output", folder["m"], "--json").Failed(3, "for another model");
        Qlora.Run("merge", "--model", TinyData.Model, "--adapter", TinyData.Adapter, "--output", folder["m"], "--dtype", "int8").Failed(2, "float32 or bfloat16");
        Assert.False(File.Exists(Path.Combine(folder["m"], "config.json")));
    }
}
