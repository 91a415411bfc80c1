using QLora.Annotations;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>The layer of Gemma 2 and 3: attention and a gated MLP beside the residual stream, each between two norms.</summary>
[DecoderBlock]
public sealed partial class SandwichNormBlock : DecoderBlock<DecoderConfig>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(DecoderConfig.HiddenSize), Epsilon = nameof(DecoderConfig.RmsNormEps), StoredMinusOne = nameof(DecoderConfig.NormsStoredMinusOne),
        Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm after attention.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(DecoderConfig.HiddenSize), Epsilon = nameof(DecoderConfig.RmsNormEps),
        StoredMinusOne = nameof(DecoderConfig.NormsStoredMinusOne), Gguf = "post_attention_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm("pre_feedforward_layernorm", Size = nameof(DecoderConfig.HiddenSize), Epsilon = nameof(DecoderConfig.RmsNormEps),
        StoredMinusOne = nameof(DecoderConfig.NormsStoredMinusOne), Gguf = "ffn_norm")]
    public partial RmsNorm PreMlpNorm { get; }

    /// <summary>The MLP.</summary>
    [Part("mlp")]
    public partial GatedMlp Mlp { get; }

    /// <summary>The norm after the MLP.</summary>
    [RmsNorm("post_feedforward_layernorm", Size = nameof(DecoderConfig.HiddenSize), Epsilon = nameof(DecoderConfig.RmsNormEps),
        StoredMinusOne = nameof(DecoderConfig.NormsStoredMinusOne), Gguf = "post_ffw_norm")]
    public partial RmsNorm PostMlpNorm { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var attended = Attention.Forward(InputNorm.Forward(x, context), context);
        x = context.Add(x, PostAttentionNorm.Forward(attended, context));
        return context.Add(x, PostMlpNorm.Forward(Mlp.Forward(PreMlpNorm.Forward(x, context), context), context));
    }
}
