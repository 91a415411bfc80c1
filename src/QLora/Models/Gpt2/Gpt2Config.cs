using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;
using QLora.Layers;

namespace QLora.Models.Gpt2;

/// <summary>The numbers of a GPT-2.</summary>
public sealed record Gpt2Config : ModelConfig, IModelConfig<Gpt2Config>
{
    /// <inheritdoc/>
    public override string ModelType => "gpt2";

    /// <summary>Heads of the attention.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>The inner width of the MLP.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Added to the variance in every norm.</summary>
    public required float LayerNormEpsilon { get; init; }

    /// <summary>Every linear layer has a bias.</summary>
    public bool HasBias => true;

    /// <summary>Queries, keys and values together.</summary>
    public int QueryKeyValueSize => 3 * HiddenSize;

    /// <inheritdoc/>
    public override AttentionShape AttentionShape => new(NumAttentionHeads, NumAttentionHeads, HiddenSize / NumAttentionHeads);

    /// <inheritdoc/>
    public static Gpt2Config FromJson(ConfigJson json)
    {
        var (hidden, heads) = (json.Integer("n_embd", 768, maximum: Largest.Width), json.Integer("n_head", 12, maximum: Largest.Width));
        if (hidden % heads != 0) throw json.Error("n_head", $"is {heads}, which does not divide n_embd {hidden}");
        var activation = json.String("activation_function", "gelu_new");
        if (activation is not ("gelu_new" or "gelu_pytorch_tanh")) throw json.Error("activation_function", $"'{activation}' is not supported for gpt2; expected gelu_new");
        if (!json.Boolean("scale_attn_weights", true)) throw json.Error("scale_attn_weights", "is false, which is not supported; expected true");
        if (json.Boolean("scale_attn_by_inverse_layer_idx", false)) throw json.Error("scale_attn_by_inverse_layer_idx", "is true, which is not supported; expected false");
        var epsilon = json.Number("layer_norm_epsilon", 1e-5);
        if (!(epsilon > 0)) throw json.Error("layer_norm_epsilon", $"is {epsilon}, expected a number above 0");
        return new Gpt2Config
        {
            VocabSize = json.Integer("vocab_size", 50257, maximum: Largest.Vocabulary),
            HiddenSize = hidden,
            NumHiddenLayers = json.Integer("n_layer", 12, maximum: Largest.Layers),
            MaxPositionEmbeddings = json.Integer("n_positions", 1024, maximum: Largest.Width),
            TieWordEmbeddings = json.Boolean("tie_word_embeddings", true),
            BosTokenId = json.OptionalInteger("bos_token_id", minimum: 0),
            EosTokenIds = json.Integers("eos_token_id"),
            NumAttentionHeads = heads,
            IntermediateSize = json.Integer("n_inner", 4 * hidden, maximum: 4 * Largest.Width),
            LayerNormEpsilon = (float)epsilon,
        };
    }

    /// <inheritdoc/>
    public static Gpt2Config FromGguf(GgufFile file)
    {
        var keys = new GgufKeys(file, "gpt2");
        var (hidden, heads) = (keys.Integer("embedding_length", maximum: Largest.Width), keys.Integer("attention.head_count", maximum: Largest.Width));
        if (hidden % heads != 0) throw keys.Error("attention.head_count", $"is {heads}, which does not divide embedding_length {hidden}");
        return new Gpt2Config
        {
            VocabSize = keys.VocabSize(),
            HiddenSize = hidden,
            NumHiddenLayers = keys.Integer("block_count", maximum: Largest.Layers),
            MaxPositionEmbeddings = keys.Integer("context_length", maximum: Largest.Width),
            TieWordEmbeddings = !keys.HasTensor("output.weight"),
            BosTokenId = keys.TokenId("bos"),
            EosTokenIds = keys.TokenId("eos") is { } eos ? [eos] : [],
            NumAttentionHeads = heads,
            IntermediateSize = keys.Integer("feed_forward_length", maximum: 4 * Largest.Width),
            LayerNormEpsilon = (float)keys.Number("attention.layer_norm_epsilon", above: 0),
        };
    }

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["architectures"] = new JsonArray("GPT2LMHeadModel"),
        ["model_type"] = ModelType,
        ["vocab_size"] = VocabSize,
        ["n_embd"] = HiddenSize,
        ["n_layer"] = NumHiddenLayers,
        ["n_head"] = NumAttentionHeads,
        ["n_positions"] = MaxPositionEmbeddings,
        ["n_inner"] = IntermediateSize,
        ["activation_function"] = "gelu_new",
        ["layer_norm_epsilon"] = Shortest(LayerNormEpsilon),
        ["tie_word_embeddings"] = TieWordEmbeddings,
        ["bos_token_id"] = BosTokenId,
        ["eos_token_id"] = EosToJson(),
    };
}
