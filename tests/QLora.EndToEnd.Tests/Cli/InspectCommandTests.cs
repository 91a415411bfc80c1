using System.Text.Json.Nodes;
using QLora.Testing;

namespace QLora.EndToEnd.Tests.Cli;

public class InspectCommandTests
{
    [Theory]
    [InlineData("q_proj,v_proj", 8, "trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622", 4_194_304)]
    [InlineData("q_proj,v_proj", 16, "trainable params: 8,388,608 || all params: 6,746,804,224 || trainable%: 0.1243", 8_388_608)]
    [InlineData(@"model\.layers\.\d+\.self_attn\.(q|v)_proj", 8, "trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622", 4_194_304)]
    public void Pefts_line_is_counted_from_the_config_alone(string targets, int rank, string line, long trainable)
    {
        using var folder = new TemporaryFolder();
        folder.Write("config.json", Llama2Config());
        var lines = Qlora.Run("inspect", folder.Path, "--rank", $"{rank}", "--target-modules", targets).Succeeded().Output.Split('\n');
        Assert.Contains(line, lines);

        var json = Qlora.Run("inspect", folder.Path, "--rank", $"{rank}", "--target-modules", targets, "--json").Succeeded().Json;
        Assert.Equal(trainable, json.GetProperty("trainable_parameters").GetInt64());
        Assert.Equal(6_738_415_616, json.GetProperty("parameters").GetInt64());
        Assert.Equal(6_738_415_616 + trainable, json.GetProperty("all_parameters").GetInt64());
    }

    [Fact]
    public void A_model_is_told_by_the_keys_of_the_design()
    {
        var json = Qlora.Run("inspect", TinyData.Model, "--json").Succeeded().Json;
        Assert.Equal("model", json.GetProperty("kind").GetString());
        Assert.Equal("llama", json.GetProperty("model_type").GetString());
        Assert.Equal(84_288, json.GetProperty("parameters").GetInt64());
        Assert.Equal(0, json.GetProperty("quantized_parameters").GetInt64());
        Assert.Equal(0, json.GetProperty("trainable_parameters").GetInt64());
        Assert.Equal(4 * 84_288, json.GetProperty("bytes").GetInt64());
        Assert.Equal(21, json.GetProperty("tensors").GetInt32());
    }

    [Fact]
    public void A_4_bit_checkpoint_counts_whole_weights()
    {
        var json = Qlora.Run("inspect", TestData.Golden("models/llama_bnb_nf4_dq_float32"), "--json").Succeeded().Json;
        Assert.Equal(84_288, json.GetProperty("parameters").GetInt64());
        Assert.Equal(67_584, json.GetProperty("quantized_parameters").GetInt64());
        Assert.Equal(21, json.GetProperty("tensors").GetInt32());
    }

    [Fact]
    public void A_gguf_file_is_told_from_its_header()
    {
        var json = Qlora.Run("inspect", TestData.Shared("models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"), "--json").Succeeded().Json;
        Assert.Equal(134_515_008, json.GetProperty("parameters").GetInt64());
        Assert.Equal(134_515_008 - 35_136, json.GetProperty("quantized_parameters").GetInt64());
        Assert.Equal(272, json.GetProperty("tensors").GetInt32());
    }

    [Fact]
    public void An_adapter_is_told_by_its_settings()
    {
        var json = Qlora.Run("inspect", TinyData.Adapter, "--json", "--tensors").Succeeded().Json;
        Assert.Equal("adapter", json.GetProperty("kind").GetString());
        Assert.Equal(7_808, json.GetProperty("trainable_parameters").GetInt64());
        Assert.Equal((4, 8), (json.GetProperty("rank").GetInt32(), json.GetProperty("alpha").GetInt32()));
        Assert.Equal(28, json.GetProperty("tensor_list").GetArrayLength());
        Assert.Equal(28, json.GetProperty("tensors").GetInt32());
    }

    [Fact]
    public void A_safetensors_file_is_listed()
    {
        var outcome = Qlora.Run("inspect", Path.Combine(TinyData.Model, "golden.safetensors"), "--tensors").Succeeded();
        Assert.Contains("input_ids", outcome.Output, StringComparison.Ordinal);
        Assert.Contains("I64", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_model_says_why()
    {
        using var folder = new TemporaryFolder();
        Qlora.Run("inspect", folder["nothing"], "--json").Failed(3, "nothing", "there is no such model");
        Qlora.Run("inspect", folder.Path, "--json").Failed(3, "no config.json");
        Qlora.Run("inspect", folder.Write("model.gguf", "not a model"), "--json").Failed(3, "model.gguf", "no GGUF file");
        Qlora.Run("inspect", folder.Write("x.safetensors", ""), "--json").Failed(3, "x.safetensors");
        Qlora.Run("inspect", TinyData.Adapter, "--rank", "8").Failed(3, "is no model");
        Qlora.Run("inspect", TinyData.Model, "--target-modules", "q_prj").Failed(3, "q_prj", "q_proj");
        folder.Write("config.json", """{"model_type": "unheard-of"}""");
        Qlora.Run("inspect", folder.Path).Failed(3, "unheard-of", "llama");
    }

    private static string Llama2Config()
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(TinyData.Model, "config.json")))!.AsObject();
        foreach (var (name, value) in new[]
        {
            ("vocab_size", 32000), ("hidden_size", 4096), ("intermediate_size", 11008), ("num_hidden_layers", 32), ("num_attention_heads", 32), ("num_key_value_heads", 32),
            ("max_position_embeddings", 4096), ("head_dim", 128),
        })
        {
            json[name] = value;
        }

        return json.ToJsonString();
    }
}
