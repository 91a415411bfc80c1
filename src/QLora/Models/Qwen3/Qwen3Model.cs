using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Qwen3;

/// <summary>Qwen 3, dense (Yang et al., arXiv:2505.09388).</summary>
[CausalLanguageModel("qwen3")]
public sealed partial class Qwen3Model : CausalLanguageModel<Qwen3Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Qwen3Config.VocabSize), Columns = nameof(Qwen3Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Qwen3Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<PreNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Qwen3Config.HiddenSize), Epsilon = nameof(Qwen3Config.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Qwen3Config.HiddenSize), Out = nameof(Qwen3Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Qwen3Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
