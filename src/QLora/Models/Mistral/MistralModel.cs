using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Mistral;

/// <summary>Mistral 7B and its successors (Jiang et al., arXiv:2310.06825): Mistral with attention within a window. GGUF files call it llama.</summary>
[CausalLanguageModel("mistral", GgufArchitecture = "llama")]
public sealed partial class MistralModel : CausalLanguageModel<MistralConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(MistralConfig.VocabSize), Columns = nameof(MistralConfig.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(MistralConfig.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<PreNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(MistralConfig.HiddenSize), Epsilon = nameof(MistralConfig.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(MistralConfig.HiddenSize), Out = nameof(MistralConfig.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(MistralConfig.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
