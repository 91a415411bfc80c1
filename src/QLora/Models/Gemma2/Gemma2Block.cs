using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Gemma2;

/// <summary>One layer of Gemma 2: attention and a gated MLP beside the residual stream, each between two norms.</summary>
[DecoderBlock]
public sealed partial class Gemma2Block : DecoderBlock<Gemma2Config>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(Gemma2Config.HiddenSize), Epsilon = nameof(Gemma2Config.RmsNormEps), StoredMinusOne = nameof(Gemma2Config.NormsStoredMinusOne),
        Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm after attention.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(Gemma2Config.HiddenSize), Epsilon = nameof(Gemma2Config.RmsNormEps),
        StoredMinusOne = nameof(Gemma2Config.NormsStoredMinusOne), Gguf = "post_attention_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm("pre_feedforward_layernorm", Size = nameof(Gemma2Config.HiddenSize), Epsilon = nameof(Gemma2Config.RmsNormEps),
        StoredMinusOne = nameof(Gemma2Config.NormsStoredMinusOne), Gguf = "ffn_norm")]
    public partial RmsNorm PreMlpNorm { get; }

    /// <summary>The MLP.</summary>
    [Part("mlp")]
    public partial GatedMlp Mlp { get; }

    /// <summary>The norm after the MLP.</summary>
    [RmsNorm("post_feedforward_layernorm", Size = nameof(Gemma2Config.HiddenSize), Epsilon = nameof(Gemma2Config.RmsNormEps),
        StoredMinusOne = nameof(Gemma2Config.NormsStoredMinusOne), Gguf = "post_ffw_norm")]
    public partial RmsNorm PostMlpNorm { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var attended = Attention.Forward(InputNorm.Forward(x, context), context);
        x = context.Add(x, PostAttentionNorm.Forward(attended, context));
        return context.Add(x, PostMlpNorm.Forward(Mlp.Forward(PreMlpNorm.Forward(x, context), context), context));
    }
}
