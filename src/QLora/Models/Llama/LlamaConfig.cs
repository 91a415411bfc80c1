using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;
using QLora.Layers;

namespace QLora.Models.Llama;

/// <summary>The numbers of a model of Llama's architecture.</summary>
public sealed record LlamaConfig : ModelConfig, IModelConfig<LlamaConfig>
{
    /// <inheritdoc/>
    public override string ModelType => "llama";

    /// <summary>The inner width of the MLP.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Query heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Elements of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Added to the mean square in every norm.</summary>
    public required float RmsNormEps { get; init; }

    /// <summary>Base and scaling of the rotary angles.</summary>
    public required RotaryParameters Rotary { get; init; }

    /// <summary>Whether the attention's linear layers have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the MLP's linear layers have biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>All query heads together.</summary>
    public int QuerySize => NumAttentionHeads * HeadSize;

    /// <summary>All key heads together.</summary>
    public int KeyValueSize => NumKeyValueHeads * HeadSize;

    /// <inheritdoc/>
    public override AttentionShape AttentionShape => new(NumAttentionHeads, NumKeyValueHeads, HeadSize, 1 / MathF.Sqrt(HeadSize));

    /// <inheritdoc/>
    public override int ContextLength => Rotary.StretchedContext(MaxPositionEmbeddings);

    /// <inheritdoc/>
    public override int CacheableLength => Rotary.DependsOnLength ? Rotary.OriginalContext : int.MaxValue;

    /// <inheritdoc/>
    public static LlamaConfig FromJson(ConfigJson json)
    {
        var hidden = json.Integer("hidden_size", maximum: Largest.Width);
        var heads = json.Integer("num_attention_heads", maximum: Largest.Width);
        var keyHeads = json.Integer("num_key_value_heads", heads);
        var context = json.Integer("max_position_embeddings");
        if (heads % keyHeads != 0) throw json.Error("num_key_value_heads", $"is {keyHeads}, which does not divide num_attention_heads {heads}");
        if (json.OptionalInteger("head_dim") is null && hidden % heads != 0) throw json.Error("num_attention_heads", $"is {heads}, which does not divide hidden_size {hidden}");
        var headSize = json.Integer("head_dim", hidden / heads);
        if (headSize % 2 != 0) throw json.Error("head_dim", $"is {headSize}, which rotary positions cannot halve");
        if (headSize > Largest.Width / heads) throw json.Error("head_dim", $"is {headSize}; {heads} heads of it are too many, expected {Largest.Width} elements at most");
        var activation = json.String("hidden_act", "silu");
        if (activation is not ("silu" or "swish")) throw json.Error("hidden_act", $"'{activation}' is not supported for llama; expected silu");
        var epsilon = json.Number("rms_norm_eps", 1e-6);
        if (!(epsilon > 0)) throw json.Error("rms_norm_eps", $"is {epsilon}, expected a number above 0");

        return new LlamaConfig
        {
            VocabSize = json.Integer("vocab_size", maximum: Largest.Vocabulary),
            HiddenSize = hidden,
            NumHiddenLayers = json.Integer("num_hidden_layers", maximum: Largest.Layers),
            MaxPositionEmbeddings = context,
            TieWordEmbeddings = json.Boolean("tie_word_embeddings", false),
            BosTokenId = json.OptionalInteger("bos_token_id", minimum: 0),
            EosTokenIds = json.Integers("eos_token_id"),
            IntermediateSize = json.Integer("intermediate_size", maximum: Largest.Width),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyHeads,
            HeadSize = headSize,
            RmsNormEps = (float)epsilon,
            AttentionBias = json.Boolean("attention_bias", false),
            MlpBias = json.Boolean("mlp_bias", false),
            Rotary = RotaryConfig.Read(json, headSize, context),
        };
    }

    /// <inheritdoc/>
    public static LlamaConfig FromGguf(GgufFile file)
    {
        var keys = new GgufKeys(file, "llama");
        var (hidden, heads) = (keys.Integer("embedding_length", maximum: Largest.Width), keys.Integer("attention.head_count", maximum: Largest.Width));
        var keyHeads = keys.Integer("attention.head_count_kv", heads);
        var context = keys.Integer("context_length");
        if (heads % keyHeads != 0) throw keys.Error("attention.head_count_kv", $"is {keyHeads}, which does not divide the {heads} heads");
        if (hidden % heads != 0 && !keys.Has("attention.key_length")) throw keys.Error("attention.head_count", $"is {heads}, which does not divide embedding_length {hidden}");
        var headSize = keys.Integer("attention.key_length", hidden / heads, Largest.Width / heads);
        if (headSize % 2 != 0) throw keys.Error("attention.key_length", $"is {headSize}, which rotary positions cannot halve");
        if (keys.Integer("attention.value_length", headSize) is var valueSize && valueSize != headSize) throw keys.Error("attention.value_length", $"is {valueSize}, expected the keys' {headSize}");

        return new LlamaConfig
        {
            VocabSize = keys.VocabSize(),
            HiddenSize = hidden,
            NumHiddenLayers = keys.Integer("block_count", maximum: Largest.Layers),
            MaxPositionEmbeddings = context,
            TieWordEmbeddings = !file.Tensors.ContainsKey("output.weight"),
            BosTokenId = keys.TokenId("bos"),
            EosTokenIds = keys.TokenId("eos") is { } eos ? [eos] : [],
            IntermediateSize = keys.Integer("feed_forward_length", maximum: Largest.Width),
            NumAttentionHeads = heads,
            NumKeyValueHeads = keyHeads,
            HeadSize = headSize,
            RmsNormEps = (float)keys.Number("attention.layer_norm_rms_epsilon", above: 0),
            AttentionBias = file.Tensors.ContainsKey("blk.0.attn_q.bias"),
            MlpBias = file.Tensors.ContainsKey("blk.0.ffn_gate.bias"),
            Rotary = keys.Rotary(headSize, context),
        };
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = ModelType,
        ["vocab_size"] = VocabSize,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = NumHiddenLayers,
        ["num_attention_heads"] = NumAttentionHeads,
        ["num_key_value_heads"] = NumKeyValueHeads,
        ["head_dim"] = HeadSize,
        ["hidden_act"] = "silu",
        ["max_position_embeddings"] = MaxPositionEmbeddings,
        ["rms_norm_eps"] = double.Parse(RmsNormEps.ToString("R", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture),
        ["attention_bias"] = AttentionBias,
        ["mlp_bias"] = MlpBias,
        ["tie_word_embeddings"] = TieWordEmbeddings,
        ["bos_token_id"] = BosTokenId,
        ["eos_token_id"] = EosTokenIds.Count switch
        {
            0 => null,
            1 => EosTokenIds[0],
            _ => new JsonArray([.. EosTokenIds.Select(id => (JsonNode)id)]),
        },
        ["rope_theta"] = Rotary.Theta,
        ["rope_scaling"] = RotaryConfig.WriteScaling(Rotary),
    };
}
