using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Granite;

/// <summary>Granite 3 (IBM, 2024): Granite with factors at the embedding, the branches, the scores and the logits.</summary>
[CausalLanguageModel("granite")]
public sealed partial class GraniteModel : CausalLanguageModel<GraniteConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(GraniteConfig.VocabSize), Columns = nameof(GraniteConfig.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(GraniteConfig.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<GraniteBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(GraniteConfig.HiddenSize), Epsilon = nameof(GraniteConfig.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(GraniteConfig.HiddenSize), Out = nameof(GraniteConfig.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(GraniteConfig.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = context.Scale(TokenEmbedding.Forward(context), Config.EmbeddingMultiplier);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
