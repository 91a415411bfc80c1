using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Qwen3Moe;

/// <summary>Qwen 3 with a mixture of experts (Yang et al., arXiv:2505.09388).</summary>
[CausalLanguageModel("qwen3_moe", GgufArchitecture = "qwen3moe")]
public sealed partial class Qwen3MoeModel : CausalLanguageModel<Qwen3MoeConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Qwen3MoeConfig.VocabSize), Columns = nameof(Qwen3MoeConfig.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Qwen3MoeConfig.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<Qwen3MoeBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Qwen3MoeConfig.HiddenSize), Epsilon = nameof(Qwen3MoeConfig.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Qwen3MoeConfig.HiddenSize), Out = nameof(Qwen3MoeConfig.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Qwen3MoeConfig.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
