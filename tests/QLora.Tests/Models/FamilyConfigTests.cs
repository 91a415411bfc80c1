using System.Text;
using System.Text.Json.Nodes;
using QLora.Models;

namespace QLora.Tests.Models;

/// <summary>The configs of all families: what is written is read again, and what contradicts itself or is not supported is named.</summary>
public class FamilyConfigTests
{
    private static readonly string[] Recorded =
    [
        "llama", "mistral_swa", "qwen2", "qwen3", "gemma2", "gemma3_text", "phi3", "phi3_partial_rotary", "olmo2", "granite", "smollm3", "gpt2", "mixtral", "qwen3_moe",
    ];

    public static TheoryData<string> Models => [.. Recorded];

    [Theory]
    [MemberData(nameof(Models))]
    public void Both_forms_say_the_same_and_what_is_written_is_read_again(string name)
    {
        var (four, five) = (Read(Json(name)), Read(Json(name, "config.v5.json")));
        Assert.Equal(Text(four), Text(five));
        Assert.Equal(Text(four), Text(Read(JsonNode.Parse(Text(four))!.AsObject())));
    }

    [Theory]
    [InlineData("mistral_swa", "num_key_value_heads", "3", "num_key_value_heads: is 3, which does not divide num_attention_heads 4")]
    [InlineData("mistral_swa", "sliding_window", "0", "field 'sliding_window' is 0, expected an integer from 1 up")]
    [InlineData("qwen2", "hidden_act", "\"gelu\"", "hidden_act: 'gelu' is not supported for qwen2; expected silu")]
    [InlineData("qwen2", "layer_types", "[\"full_attention\"]", "layer_types: has 1 entries, expected 2, one for each layer")]
    [InlineData("qwen3", "layer_types", "[\"full_attention\", \"chunked_attention\"]", "layer_types: 'chunked_attention' is not supported; there are full_attention, sliding_attention")]
    [InlineData("qwen3", "head_dim", "31", "head_dim: is 31, which rotary positions cannot halve")]
    [InlineData("gemma2", "hidden_activation", "\"silu\"", "hidden_activation: 'silu' is not supported for gemma2; expected gelu_pytorch_tanh")]
    [InlineData("gemma2", "attn_logit_softcapping", "-1", "attn_logit_softcapping: is -1, expected a number above 0")]
    [InlineData("gemma2", "query_pre_attn_scalar", "0", "field 'query_pre_attn_scalar' is 0, expected an integer from 1 up")]
    [InlineData("gemma3_text", "rope_local_base_freq", "0.5", "rope_local_base_freq: is 0.5, expected a number above 1")]
    [InlineData("gemma3_text", "rope_scaling", """{"rope_type":"su"}""", "rope_type: 'su' is not supported; there are default, linear, dynamic, llama3, yarn")]
    [InlineData("phi3", "partial_rotary_factor", "0.2", "partial_rotary_factor: is 0.2, which makes 3 of 16 elements rotate; expected an even number of them")]
    [InlineData("phi3", "partial_rotary_factor", "2", "partial_rotary_factor: is 2, which makes 32 of 16 elements rotate; expected an even number of them")]
    [InlineData("phi3", "rope_scaling", """{"type":"longrope","short_factor":[1],"long_factor":[1]}""", "rope_type: 'longrope' is not supported; there are default, linear, dynamic, llama3, yarn")]
    [InlineData("olmo2", "rms_norm_eps", "0", "rms_norm_eps: is 0, expected a number above 0")]
    [InlineData("granite", "residual_multiplier", "0", "residual_multiplier: is 0, expected a number above 0")]
    [InlineData("granite", "logits_scaling", "\"8\"", "field 'logits_scaling' is \"8\", expected a number")]
    [InlineData("smollm3", "no_rope_layers", "[1, 0]", "no_rope_layers: has 2 entries, expected 4, one for each layer")]
    [InlineData("gpt2", "activation_function", "\"relu\"", "activation_function: 'relu' is not supported for gpt2; expected gelu_new")]
    [InlineData("gpt2", "n_head", "5", "n_head: is 5, which does not divide n_embd 64")]
    [InlineData("gpt2", "scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx: is true, which is not supported; expected false")]
    [InlineData("mixtral", "num_experts_per_tok", "5", "field 'num_experts_per_tok' is 5, expected an integer from 1 to 4")]
    [InlineData("mixtral", "num_local_experts", "1000000", "field 'num_local_experts' is 1000000, expected an integer from 1 to 16384")]
    [InlineData("qwen3_moe", "moe_intermediate_size", "0", "field 'moe_intermediate_size' is 0, expected an integer from 1 to 1048576")]
    public void What_cannot_be_is_named(string name, string field, string value, string message)
    {
        var json = Json(name);
        json[field] = JsonNode.Parse(value);
        Assert.Contains(message, Assert.Throws<QLoraException>(() => Read(json)).Message);
    }

    [Fact]
    public void A_model_type_that_nobody_declared_is_answered_with_those_that_exist()
    {
        var message = Assert.Throws<QLoraException>(() => ModelRegistry.ForModelType("mamba", "config.json")).Message;
        Assert.StartsWith("config.json: model_type 'mamba' is not known; there are ", message);
        foreach (var family in new[] { "gemma2", "gemma3_text", "gpt2", "granite", "llama", "mistral", "mixtral", "olmo2", "phi3", "qwen2", "qwen3", "qwen3_moe", "smollm3" }) Assert.Contains(family, message);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_config_that_contradicts_the_weights_is_refused_with_the_tensor(string name)
    {
        using var folder = new TemporaryFolder();
        var json = Json(name);
        json[name == "gpt2" ? "n_inner" : "intermediate_size"] = 96;
        if (name == "qwen3_moe") json["moe_intermediate_size"] = 96;
        File.WriteAllText(folder["config.json"], json.ToJsonString());
        File.CreateSymbolicLink(folder["model.safetensors"], TestData.Golden($"models/{name}/model.safetensors"));
        using var file = ModelFile.Open(folder.Path);
        using var backend = TestBackends.Create("reference");
        Assert.Matches("tensor [a-z_0-9.]+ has shape .*, expected .* from the config", Assert.Throws<QLoraException>(() => file.Load(backend)).Message);
    }

    private static JsonObject Json(string name, string config = "config.json") => JsonNode.Parse(File.ReadAllText(TestData.Golden($"models/{name}/{config}")))!.AsObject();

    private static ModelConfig Read(JsonObject json)
        => ModelRegistry.ForModelType((string)json["model_type"]!, "config.json").ReadConfig(ConfigJson.Parse(Encoding.UTF8.GetBytes(json.ToJsonString()), "config.json"));

    private static string Text(ModelConfig config) => config.ToJson().ToJsonString();
}
