using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Granite;

/// <summary>One layer of Granite: attention, then a gated MLP, each behind a norm and, times a factor, beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class GraniteBlock : DecoderBlock<GraniteConfig>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(GraniteConfig.HiddenSize), Epsilon = nameof(GraniteConfig.RmsNormEps), Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(GraniteConfig.HiddenSize), Epsilon = nameof(GraniteConfig.RmsNormEps), Gguf = "ffn_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The MLP.</summary>
    [Part("mlp")]
    public partial GatedMlp Mlp { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var attended = Attention.Forward(InputNorm.Forward(x, context), context);
        x = context.Add(x, context.Scale(attended, Config.ResidualMultiplier));
        var transformed = Mlp.Forward(PostAttentionNorm.Forward(x, context), context);
        return context.Add(x, context.Scale(transformed, Config.ResidualMultiplier));
    }
}
