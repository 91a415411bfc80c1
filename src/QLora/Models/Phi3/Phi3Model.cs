using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Phi3;

/// <summary>Phi-3 and Phi-4-mini (Abdin et al., arXiv:2404.14219).</summary>
[CausalLanguageModel("phi3")]
public sealed partial class Phi3Model : CausalLanguageModel<Phi3Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Phi3Config.VocabSize), Columns = nameof(Phi3Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Phi3Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<Phi3Block> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Phi3Config.HiddenSize), Epsilon = nameof(Phi3Config.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Phi3Config.HiddenSize), Out = nameof(Phi3Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Phi3Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
