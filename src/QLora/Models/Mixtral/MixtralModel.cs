using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Mixtral;

/// <summary>Mixtral (Jiang et al., arXiv:2401.04088): Mistral with a mixture of experts. GGUF files call it llama.</summary>
[CausalLanguageModel("mixtral", GgufArchitecture = "llama")]
public sealed partial class MixtralModel : CausalLanguageModel<MixtralConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(MixtralConfig.VocabSize), Columns = nameof(MixtralConfig.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(MixtralConfig.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<MixtralBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(MixtralConfig.HiddenSize), Epsilon = nameof(MixtralConfig.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(MixtralConfig.HiddenSize), Out = nameof(MixtralConfig.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(MixtralConfig.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
