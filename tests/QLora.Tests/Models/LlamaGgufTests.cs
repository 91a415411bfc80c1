using QLora.Backends.Reference;
using QLora.Checkpoints.Gguf;
using QLora.Models;
using QLora.Models.Llama;
using static QLora.Tests.Models.GgufModel;

namespace QLora.Tests.Models;

/// <summary>Llama in GGUF files: names both ways, values as in the folder, keys read strictly.</summary>
public sealed class LlamaGgufTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Sources => ["llama", "llama_mha_bias", "llama3_rope"]; // grouped heads, biases, a tied head

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_weight_has_its_name_in_both_kinds_of_file()
    {
        using var file = ModelFile.Open(TestData.Golden("models/llama_mha_bias"));
        var config = (LlamaConfig)file.Config with { NumHiddenLayers = 12, TieWordEmbeddings = false, AttentionBias = true, MlpBias = true };
        var names = LlamaModel.Describe(config).SelectMany(module => module.Weights).ToDictionary(weight => weight.Name, weight => weight.GgufName!);
        string[] expected =
        [
            "model.embed_tokens.weight=token_embd.weight", "model.norm.weight=output_norm.weight", "lm_head.weight=output.weight",
            .. Enumerable.Range(0, 12).SelectMany(i => new[]
            {
                ("input_layernorm", "attn_norm", false), ("post_attention_layernorm", "ffn_norm", false),
                ("self_attn.q_proj", "attn_q", true), ("self_attn.k_proj", "attn_k", true), ("self_attn.v_proj", "attn_v", true), ("self_attn.o_proj", "attn_output", true),
                ("mlp.gate_proj", "ffn_gate", true), ("mlp.up_proj", "ffn_up", true), ("mlp.down_proj", "ffn_down", true),
            }.SelectMany(module => (module.Item3 ? new[] { "weight", "bias" } : ["weight"]).Select(suffix => $"model.layers.{i}.{module.Item1}.{suffix}=blk.{i}.{module.Item2}.{suffix}"))),
        ];
        Assert.Equal(expected.Order(StringComparer.Ordinal), names.Select(pair => $"{pair.Key}={pair.Value}").Order(StringComparer.Ordinal));
        Assert.Equal(names.Count, names.Values.Distinct().Count()); // so that the way back is as sure
    }

    [Theory]
    [MemberData(nameof(Sources))]
    public void Its_weights_are_those_of_the_folder_bit_for_bit(string name)
    {
        using var folder = ModelFile.Open(TestData.Golden($"models/{name}"));
        Write(folder, _folder["model.gguf"]);
        using var gguf = ModelFile.Open(_folder["model.gguf"]);
        var expected = (LlamaConfig)folder.Config;
        var config = (LlamaConfig)gguf.Config;
        Assert.Equal(expected with { EosTokenIds = [], Rotary = config.Rotary, BosTokenId = config.BosTokenId }, config with { EosTokenIds = [] });

        using var backend = new ReferenceBackend();
        using var one = folder.Load(backend, QuantizationOptions.None);
        using var other = gguf.Load(backend, QuantizationOptions.None);
        var parameters = one.Modules.SelectMany(module => module.Parameters).Zip(other.Modules.SelectMany(module => module.Parameters)).ToList();
        Assert.NotEmpty(parameters);
        Assert.All(parameters, pair =>
        {
            Assert.Equal(pair.First.Name, pair.Second.Name);
            Assert.Equal(pair.First.Value.Span<float>(), pair.Second.Value.Span<float>());
        });
    }

    [Theory]
    [InlineData("general.architecture"), InlineData("llama.embedding_length"), InlineData("llama.block_count"), InlineData("llama.context_length"), InlineData("llama.feed_forward_length")]
    [InlineData("llama.attention.head_count"), InlineData("llama.attention.layer_norm_rms_epsilon")]
    public void A_needed_key_that_is_missing_is_named(string key)
        => Assert.Contains($"key {key} is missing", Refused(keys => keys.RemoveAll(entry => entry.Name == key)));

    [Fact]
    public void Without_a_size_of_the_vocabulary_the_tokenizer_is_asked()
        => Assert.Contains("key llama.vocab_size is missing, expected an integer", Refused(keys => keys.RemoveAll(entry => entry.Name == "llama.vocab_size")));

    [Fact]
    public void Keys_of_the_wrong_kind_are_named()
    {
        using var folder = ModelFile.Open(TestData.Golden("models/llama"));
        foreach (var key in Keys((LlamaConfig)folder.Config))
        {
            foreach (var wrong in new[] { Key.String(key.Name, "x"), new Key(key.Name, GgufValueType.Float32, BitConverter.SingleToUInt32Bits(float.NaN)), new Key(key.Name, GgufValueType.Int64, ulong.MaxValue) })
            {
                var message = Refused(keys => keys[keys.FindIndex(entry => entry.Name == key.Name)] = wrong);
                Assert.Contains(key.Name, message);
            }
        }
    }

    [Theory]
    [InlineData("llama.block_count", 2000000000, "is 2000000000, expected an integer from 1 to 10000")]
    [InlineData("llama.vocab_size", 2000000000, "is 2000000000, expected an integer from 1 to 67108864")]
    [InlineData("llama.attention.head_count", 3, "llama.attention.head_count_kv is 2, which does not divide the 3 heads")]
    [InlineData("llama.attention.key_length", 15, "is 15, which rotary positions cannot halve")]
    [InlineData("llama.attention.key_length", 2000000000, "is 2000000000, expected an integer from 1 to 262144")]
    [InlineData("llama.attention.value_length", 8, "is 8, expected the keys' 16")]
    [InlineData("llama.rope.dimension_count", 32, "is 32, expected an integer from 1 to 16")]
    [InlineData("llama.rope.dimension_count", 15, "is 15, which rotary positions cannot halve")]
    public void A_value_that_cannot_be_is_named(string key, int value, string expected)
        => Assert.Contains(expected, Refused(keys => keys[keys.FindIndex(entry => entry.Name == key)] = Key.Integer(key, value)));

    [Fact]
    public void Other_things_that_are_not_supported_are_named()
    {
        Assert.Contains("general.architecture 'mamba' is not known; there are gemma2, gemma3, gpt2, granite, llama, olmo2, phi3, qwen2, qwen3, qwen3moe, smollm3", Refused(keys => keys[0] = Key.String("general.architecture", "mamba")));
        Assert.Contains("key llama.rope.scaling.type 'longrope' is not supported; there are none, linear, yarn", Refused(keys => keys.Add(Key.String("llama.rope.scaling.type", "longrope"))));
        Assert.Contains("key llama.rope.scaling.factor is missing", Refused(keys => keys.Add(Key.String("llama.rope.scaling.type", "linear"))));
        Assert.Contains("key llama.rope.scaling.factor is 0, expected a number above 0",
            Refused(keys => keys.AddRange([Key.String("llama.rope.scaling.type", "linear"), Key.Float("llama.rope.scaling.factor", 0)])));
        Assert.Contains("key llama.attention.head_count is 5, which does not divide embedding_length 64", Refused(keys =>
        {
            keys.RemoveAll(entry => entry.Name is "llama.attention.key_length" or "llama.attention.head_count_kv");
            keys[keys.FindIndex(entry => entry.Name == "llama.attention.head_count")] = Key.Integer("llama.attention.head_count", 5);
        }));
    }

    [Fact]
    public void Every_flip_in_the_keys_is_loaded_or_refused()
    {
        using var folder = ModelFile.Open(TestData.Golden("models/llama"));
        Write(folder, _folder["sound.gguf"]);
        var sound = File.ReadAllBytes(_folder["sound.gguf"]);
        using var backend = new ReferenceBackend();
        foreach (var (what, bytes) in Damage.Flips(sound, 700).Where((_, i) => i % 11 == 0)) // the keys take about so many bytes; every eleventh damage is enough here
        {
            var path = _folder["x.gguf"];
            File.WriteAllBytes(path, bytes);
            Damage.ReadOrRefuse(what, path, file =>
            {
                using var model = ModelFile.Open(file);
                model.Load(backend, QuantizationOptions.None).Dispose();
            });
            Assert.Equal(0, backend.Memory.InUse);
        }
    }

    private string Refused(Action<List<Key>> change)
    {
        using var folder = ModelFile.Open(TestData.Golden("models/llama"));
        var keys = Keys((LlamaConfig)folder.Config);
        change(keys);
        Write(folder, _folder["x.gguf"], keys);
        var message = Assert.Throws<QLoraException>(() => ModelFile.Open(_folder["x.gguf"])).Message;
        Assert.StartsWith(_folder["x.gguf"], message);
        return message;
    }
}
