using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Gemma2;

/// <summary>Gemma 2 (Gemma Team, arXiv:2408.00118): embeddings times the root of the width, norms before and after, capped scores and logits.</summary>
[CausalLanguageModel("gemma2")]
public sealed partial class Gemma2Model : CausalLanguageModel<Gemma2Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Gemma2Config.VocabSize), Columns = nameof(Gemma2Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Gemma2Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<SandwichNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Gemma2Config.HiddenSize), Epsilon = nameof(Gemma2Config.RmsNormEps),
        StoredMinusOne = nameof(Gemma2Config.NormsStoredMinusOne), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Gemma2Config.HiddenSize), Out = nameof(Gemma2Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Gemma2Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = context.Scale(TokenEmbedding.Forward(context), MathF.Sqrt(Config.HiddenSize));
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
