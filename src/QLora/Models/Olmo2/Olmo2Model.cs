using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Olmo2;

/// <summary>OLMo 2 (OLMo Team, arXiv:2501.00656): norms after attention and MLP instead of before.</summary>
[CausalLanguageModel("olmo2")]
public sealed partial class Olmo2Model : CausalLanguageModel<Olmo2Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Olmo2Config.VocabSize), Columns = nameof(Olmo2Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Olmo2Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<Olmo2Block> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Olmo2Config.HiddenSize), Epsilon = nameof(Olmo2Config.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Olmo2Config.HiddenSize), Out = nameof(Olmo2Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Olmo2Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
