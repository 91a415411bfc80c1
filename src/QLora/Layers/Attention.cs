using QLora.Annotations;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>
/// Causal attention with grouped query heads (Ainslie et al., arXiv:2305.13245) and rotary positions. What families do differently, biases, norms of queries and keys, windows, caps
/// and layers without positions, is said by their configs.
/// </summary>
[ModelPart]
public sealed partial class Attention : ModelPart<DecoderConfig>
{
    /// <summary>Queries of all heads.</summary>
    [Linear("q_proj", In = nameof(DecoderConfig.HiddenSize), Out = nameof(DecoderConfig.QuerySize), Bias = nameof(DecoderConfig.QueryKeyValueBias),
        Gguf = "attn_q", GgufRotaryHeads = nameof(DecoderConfig.GgufRotaryQueryHeads)), LoraTarget]
    public partial Linear Query { get; }

    /// <summary>Keys of the key heads.</summary>
    [Linear("k_proj", In = nameof(DecoderConfig.HiddenSize), Out = nameof(DecoderConfig.KeyValueSize), Bias = nameof(DecoderConfig.QueryKeyValueBias),
        Gguf = "attn_k", GgufRotaryHeads = nameof(DecoderConfig.GgufRotaryKeyHeads)), LoraTarget]
    public partial Linear Key { get; }

    /// <summary>Values of the key heads.</summary>
    [Linear("v_proj", In = nameof(DecoderConfig.HiddenSize), Out = nameof(DecoderConfig.KeyValueSize), Bias = nameof(DecoderConfig.QueryKeyValueBias), Gguf = "attn_v"), LoraTarget]
    public partial Linear Value { get; }

    /// <summary>The heads back to the residual stream.</summary>
    [Linear("o_proj", In = nameof(DecoderConfig.QuerySize), Out = nameof(DecoderConfig.HiddenSize), Bias = nameof(DecoderConfig.AttentionBias), Gguf = "attn_output"), LoraTarget]
    public partial Linear Output { get; }

    /// <summary>The norm of the queries, of each head or of all together.</summary>
    [RmsNorm("q_norm", Size = nameof(DecoderConfig.QueryNormSize), Epsilon = nameof(DecoderConfig.RmsNormEps), StoredMinusOne = nameof(DecoderConfig.NormsStoredMinusOne),
        Gguf = "attn_q_norm", When = nameof(DecoderConfig.HasQueryKeyNorms))]
    public partial RmsNorm? QueryNorm { get; }

    /// <summary>The norm of the keys, of each head or of all together.</summary>
    [RmsNorm("k_norm", Size = nameof(DecoderConfig.KeyNormSize), Epsilon = nameof(DecoderConfig.RmsNormEps), StoredMinusOne = nameof(DecoderConfig.NormsStoredMinusOne),
        Gguf = "attn_k_norm", When = nameof(DecoderConfig.HasQueryKeyNorms))]
    public partial RmsNorm? KeyNorm { get; }

    /// <summary>What each token takes from those before it.</summary>
    /// <param name="x">(tokens, hidden).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation Forward(Activation x, ForwardContext context)
    {
        var (q, k, v) = context.Linears(x, Query, Key, Value);
        if (QueryNorm is not null) q = QueryNorm.Forward(q, context);
        if (KeyNorm is not null) k = KeyNorm.Forward(k, context);
        if (Config.RotaryAt(Layer) is { } rotary)
        {
            q = context.Rotary(q, Config.NumAttentionHeads, rotary);
            k = context.Rotary(k, Config.NumKeyValueHeads, rotary);
        }

        return Output.Forward(context.Attention(q, k, v, Layer, Config.AttentionShape, Config.AttentionAt(Layer)), context);
    }
}
