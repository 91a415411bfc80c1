using System.Text.Json.Nodes;
using QLora.Layers;
using QLora.Models;
using QLora.Models.Llama;

namespace QLora.Tests.Models;

/// <summary>config.json of a Llama: what is read from it, and what is said when it cannot be.</summary>
public class LlamaConfigTests
{
    private static readonly string[] Needed = ["hidden_size", "intermediate_size", "max_position_embeddings", "num_attention_heads", "num_hidden_layers", "vocab_size"];

    private static readonly string[] Integers = [.. Needed, "num_key_value_heads", "head_dim", "bos_token_id"];

    public static TheoryData<string> NeededFields => [.. Needed];

    public static TheoryData<string, string> WrongKinds()
    {
        var data = new TheoryData<string, string>();
        foreach (var field in Integers)
        {
            foreach (var value in new[] { "\"64\"", "64.5", "-1", "1e40", "9223372036854775807", "true", "[64]", "{}" }) data.Add(field, value);
        }

        foreach (var field in Integers.Where(field => field != "bos_token_id")) data.Add(field, "0");
        foreach (var field in new[] { "rms_norm_eps", "rope_theta" })
        {
            foreach (var value in new[] { "\"1\"", "0", "-1", "1e999", "true", "[]" }) data.Add(field, value);
        }

        foreach (var field in new[] { "attention_bias", "mlp_bias", "tie_word_embeddings" })
        {
            foreach (var value in new[] { "\"true\"", "1", "[]" }) data.Add(field, value);
        }

        foreach (var value in new[] { "\"2\"", "2.5", "{}", "[2, \"3\"]", "[[2]]" }) data.Add("eos_token_id", value);
        foreach (var value in new[] { "\"linear\"", "4", "[]", "true" }) data.Add("rope_scaling", value);
        data.Add("hidden_act", "1");
        return data;
    }

    [Fact]
    public void Fields_are_read()
    {
        var config = Read(Base());
        Assert.Equal((128, 64, 112, 2, 4, 2, 16, 256), (config.VocabSize, config.HiddenSize, config.IntermediateSize, config.NumHiddenLayers, config.NumAttentionHeads,
            config.NumKeyValueHeads, config.HeadSize, config.MaxPositionEmbeddings));
        Assert.Equal((1, 1e-5f, true, true, false), (config.BosTokenId, config.RmsNormEps, config.TieWordEmbeddings, config.AttentionBias, config.MlpBias));
        Assert.Equal([2, 3], config.EosTokenIds);
        Assert.Equal(new RotaryParameters(16, 500000), config.Rotary);
    }

    [Theory]
    [MemberData(nameof(NeededFields))]
    public void A_needed_field_that_is_missing_is_named(string field)
    {
        foreach (var json in new[] { With(field, null), Base().Where(entry => entry.Key != field) })
        {
            Assert.Equal($"config.json: field '{field}' is missing, expected an integer", Refused(json));
        }
    }

    [Theory]
    [MemberData(nameof(WrongKinds))]
    public void A_field_of_the_wrong_kind_is_named_with_what_it_is(string field, string value)
    {
        var message = Refused(With(field, value));
        Assert.StartsWith("config.json: ", message);
        Assert.Contains(field, message);
        Assert.Contains("expected ", message);
    }

    [Fact]
    public void Fields_that_may_be_missing_have_the_defaults_of_transformers()
    {
        var config = Read(Base().Where(entry => Needed.Contains(entry.Key)));
        Assert.Equal((4, 16, 1e-6f, false, false, false), (config.NumKeyValueHeads, config.HeadSize, config.RmsNormEps, config.TieWordEmbeddings, config.AttentionBias, config.MlpBias));
        Assert.Equal(new RotaryParameters(16, 10000), config.Rotary);
        Assert.Null(config.BosTokenId);
        Assert.Empty(config.EosTokenIds);
    }

    [Theory]
    [InlineData("num_key_value_heads", "3", "num_key_value_heads: is 3, which does not divide num_attention_heads 4")]
    [InlineData("num_key_value_heads", "8", "num_key_value_heads: is 8, which does not divide num_attention_heads 4")]
    [InlineData("head_dim", "15", "head_dim: is 15, which rotary positions cannot halve")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act: 'gelu' is not supported for llama; expected silu")]
    [InlineData("num_hidden_layers", "2000000000", "field 'num_hidden_layers' is 2000000000, expected an integer from 1 to 10000")]
    [InlineData("hidden_size", "2147483647", "field 'hidden_size' is 2147483647, expected an integer from 1 to 1048576")]
    [InlineData("intermediate_size", "2147483647", "field 'intermediate_size' is 2147483647, expected an integer from 1 to 1048576")]
    [InlineData("vocab_size", "2147483647", "field 'vocab_size' is 2147483647, expected an integer from 1 to 67108864")]
    [InlineData("head_dim", "2147483646", "head_dim: is 2147483646; 4 heads of it are too many, expected 1048576 elements at most")]
    [InlineData("partial_rotary_factor", "0.5", "partial_rotary_factor: is 0.5, which is not supported; expected 1")]
    [InlineData("rope_scaling", """{"type":"longrope","factor":2}""", "rope_scaling: rope_type: 'longrope' is not supported; there are default, linear, dynamic, llama3, yarn")]
    [InlineData("rope_scaling", """{"rope_type":"linear"}""", "rope_scaling: field 'factor' is missing, expected a number")]
    [InlineData("rope_scaling", """{"rope_type":"linear","factor":0.5}""", "rope_scaling: factor: is 0.5, expected 1 or more")]
    [InlineData("rope_scaling", """{"rope_type":1}""", "rope_scaling: field 'rope_type' is 1, expected a string")]
    [InlineData("rope_scaling", """{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4}""", "field 'original_max_position_embeddings' is missing")]
    [InlineData("rope_scaling", """{"rope_type":"llama3","factor":8,"low_freq_factor":0,"high_freq_factor":4,"original_max_position_embeddings":8192}""",
        "low_freq_factor: is 0, expected a number above 0")]
    [InlineData("rope_scaling", """{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":8192}""",
        "high_freq_factor: is 4, expected more than low_freq_factor 4")]
    [InlineData("rope_scaling", """{"rope_type":"yarn","factor":4,"beta_fast":-1}""", "beta_fast: is -1, expected a number above 0")]
    [InlineData("rope_parameters", """{"rope_type":"linear","factor":2,"rope_theta":1}""", "rope_theta: is 1, expected a number above 1")]
    public void A_value_that_cannot_be_is_named(string field, string value, string expected) => Assert.Contains(expected, Refused(With(field, value)));

    [Fact]
    public void Heads_that_do_not_divide_the_width_need_a_size_of_their_own()
    {
        var odd = With("hidden_size", "66").Where(entry => entry.Key != "head_dim");
        Assert.Equal("config.json: num_attention_heads: is 4, which does not divide hidden_size 66", Refused(odd));
        Assert.Equal(16, Read(With("hidden_size", "66")).HeadSize);
    }

    [Fact]
    public void Both_forms_of_transformers_say_the_same()
    {
        var four = Read(With("rope_scaling", """{"type":"yarn","factor":4.0,"original_max_position_embeddings":64}"""));
        var five = Read(Base().Where(entry => entry.Key != "rope_theta").Append(
            new("rope_parameters", JsonNode.Parse("""{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64,"rope_theta":500000}"""))));
        Assert.Equal(four.Rotary, five.Rotary);
        Assert.Equal((RotaryScaling.Yarn, 4.0, 64, 500000.0), (four.Rotary.Scaling, four.Rotary.Factor, four.Rotary.OriginalContext, four.Rotary.Theta));
    }

    [Fact]
    public void What_is_written_is_read_again()
    {
        foreach (var scaling in new[]
        {
            "null", """{"rope_type":"linear","factor":2}""", """{"rope_type":"dynamic","factor":2}""", """{"rope_type":"yarn","factor":4,"mscale":0.7,"mscale_all_dim":0.7,"truncate":false}""",
            """{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,"original_max_position_embeddings":8192}""",
        })
        {
            var config = Read(With("rope_scaling", scaling));
            var again = Read(config.ToJson());
            Assert.Equal(config with { EosTokenIds = [] }, again with { EosTokenIds = [] });
            Assert.Equal(config.EosTokenIds, again.EosTokenIds);
        }
    }

    private static JsonObject Base() => JsonNode.Parse("""
        {
          "vocab_size": 128, "hidden_size": 64, "intermediate_size": 112, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
          "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 500000, "hidden_act": "silu", "attention_bias": true, "mlp_bias": false, "tie_word_embeddings": true,
          "bos_token_id": 1, "eos_token_id": [2, 3]
        }
        """)!.AsObject();

    private static JsonObject With(string field, string? value)
    {
        var json = Base();
        json[field] = value is null ? null : JsonNode.Parse(value);
        return json;
    }

    private static LlamaConfig Read(IEnumerable<KeyValuePair<string, JsonNode?>> json)
        => LlamaConfig.FromJson(ConfigJson.Parse(System.Text.Encoding.UTF8.GetBytes(new JsonObject(json.Select(entry => new KeyValuePair<string, JsonNode?>(entry.Key, entry.Value?.DeepClone()))).ToJsonString()), "config.json"));

    private static string Refused(IEnumerable<KeyValuePair<string, JsonNode?>> json) => Assert.Throws<QLoraException>(() => Read(json)).Message;
}
