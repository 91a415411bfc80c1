using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Olmo2;

/// <summary>One layer of OLMo 2: attention that norms all queries and all keys, then a gated MLP, each before a norm and beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class Olmo2Block : DecoderBlock<Olmo2Config>
{
    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm after attention.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(Olmo2Config.HiddenSize), Epsilon = nameof(Olmo2Config.RmsNormEps), Gguf = "post_attention_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The MLP.</summary>
    [Part("mlp")]
    public partial GatedMlp Mlp { get; }

    /// <summary>The norm after the MLP.</summary>
    [RmsNorm("post_feedforward_layernorm", Size = nameof(Olmo2Config.HiddenSize), Epsilon = nameof(Olmo2Config.RmsNormEps), Gguf = "post_ffw_norm")]
    public partial RmsNorm PostMlpNorm { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        x = context.Add(x, PostAttentionNorm.Forward(Attention.Forward(x, context), context));
        return context.Add(x, PostMlpNorm.Forward(Mlp.Forward(x, context), context));
    }
}
