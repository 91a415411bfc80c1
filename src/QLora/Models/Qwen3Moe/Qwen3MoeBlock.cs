using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Qwen3Moe;

/// <summary>One layer of Qwen 3 with experts: attention that norms each head of queries and keys, then a mixture of experts or, in some layers, one MLP, each behind a norm and beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class Qwen3MoeBlock : DecoderBlock<Qwen3MoeConfig>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(Qwen3MoeConfig.HiddenSize), Epsilon = nameof(Qwen3MoeConfig.RmsNormEps), Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>The attention.</summary>
    [Part("self_attn")]
    public partial Attention Attention { get; }

    /// <summary>The norm before the experts or the MLP.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(Qwen3MoeConfig.HiddenSize), Epsilon = nameof(Qwen3MoeConfig.RmsNormEps), Gguf = "ffn_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The router: which experts a token goes through.</summary>
    [Linear("mlp.gate", In = nameof(Qwen3MoeConfig.HiddenSize), Out = nameof(Qwen3MoeConfig.NumExperts), Gguf = "ffn_gate_inp", KeepFullPrecision = true,
        When = nameof(Qwen3MoeConfig.IsSparse))]
    public partial Linear? Router { get; }

    /// <summary>The experts.</summary>
    [Blocks("mlp.experts.{0}", Count = nameof(Qwen3MoeConfig.NumExperts), GgufStacked = true, When = nameof(Qwen3MoeConfig.IsSparse))]
    public partial IReadOnlyList<Qwen3MoeExpert>? Experts { get; }

    /// <summary>The MLP of a layer without experts.</summary>
    [Part("mlp", When = nameof(Qwen3MoeConfig.IsDense))]
    public partial GatedMlp? Mlp { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        x = context.Add(x, Attention.Forward(InputNorm.Forward(x, context), context));
        var h = PostAttentionNorm.Forward(x, context);
        return context.Add(x, Mlp is null ? Mixture(h, context) : Mlp.Forward(h, context));
    }

    private Activation Mixture(Activation x, ForwardContext context)
        => context.MixtureOfExperts(
            x, Router!.Forward(x, context), Config.ExpertsPerToken, Config.NormalizesWeights, Experts!, static (expert, tokens, context) => expert.Forward(tokens, context));
}
