using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Qwen2;

/// <summary>Qwen 2 and 2.5 (Yang et al., arXiv:2407.10671).</summary>
[CausalLanguageModel("qwen2")]
public sealed partial class Qwen2Model : CausalLanguageModel<Qwen2Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Qwen2Config.VocabSize), Columns = nameof(Qwen2Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Qwen2Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<PreNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Qwen2Config.HiddenSize), Epsilon = nameof(Qwen2Config.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Qwen2Config.HiddenSize), Out = nameof(Qwen2Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Qwen2Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
