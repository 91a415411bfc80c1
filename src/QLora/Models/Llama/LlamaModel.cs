using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Llama;

/// <summary>Llama and the models of its architecture (Touvron et al., arXiv:2302.13971 and 2307.09288): Llama 1 to 3, SmolLM2, TinyLlama.</summary>
[CausalLanguageModel("llama")]
public sealed partial class LlamaModel : CausalLanguageModel<LlamaConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(LlamaConfig.VocabSize), Columns = nameof(LlamaConfig.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(LlamaConfig.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<PreNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(LlamaConfig.HiddenSize), Epsilon = nameof(LlamaConfig.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(LlamaConfig.HiddenSize), Out = nameof(LlamaConfig.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(LlamaConfig.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
