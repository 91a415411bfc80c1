using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Mixtral;

/// <summary>One layer of Mixtral: attention, then a mixture of experts, each behind a norm and beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class MixtralBlock : DecoderBlock<MixtralConfig>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(MixtralConfig.HiddenSize), Epsilon = nameof(MixtralConfig.RmsNormEps), Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm before the experts.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(MixtralConfig.HiddenSize), Epsilon = nameof(MixtralConfig.RmsNormEps), Gguf = "ffn_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The router: which experts a token goes through.</summary>
    [Linear("block_sparse_moe.gate", In = nameof(MixtralConfig.HiddenSize), Out = nameof(MixtralConfig.NumExperts), Gguf = "ffn_gate_inp", KeepFullPrecision = true)]
    public partial Linear Router { get; }

    /// <summary>The experts.</summary>
    [Blocks("block_sparse_moe.experts.{0}", Count = nameof(MixtralConfig.NumExperts), GgufStacked = true)]
    public partial IReadOnlyList<MixtralExpert> Experts { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        x = context.Add(x, Attention.Forward(InputNorm.Forward(x, context), context));
        var h = PostAttentionNorm.Forward(x, context);
        return context.Add(x, context.MixtureOfExperts(
            h, Router.Forward(h, context), Config.ExpertsPerToken, normalize: true, Experts, static (expert, tokens, context) => expert.Forward(tokens, context)));
    }
}
