using QLora.Annotations;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>The layer of Llama and of the families that differ from it in their attention only: attention, then a gated MLP, each behind a norm and beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class PreNormBlock : DecoderBlock<DecoderConfig>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(DecoderConfig.HiddenSize), Epsilon = nameof(DecoderConfig.RmsNormEps), Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(DecoderConfig.HiddenSize), Epsilon = nameof(DecoderConfig.RmsNormEps), Gguf = "ffn_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The MLP.</summary>
    [Part("mlp")]
    public partial GatedMlp Mlp { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        x = context.Add(x, Attention.Forward(InputNorm.Forward(x, context), context));
        return context.Add(x, Mlp.Forward(PostAttentionNorm.Forward(x, context), context));
    }
}
