using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.SmolLm3;

/// <summary>SmolLM3 (Hugging Face, 2025), with layers without positions (Yang et al., arXiv:2501.18795).</summary>
[CausalLanguageModel("smollm3")]
public sealed partial class SmolLm3Model : CausalLanguageModel<SmolLm3Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(SmolLm3Config.VocabSize), Columns = nameof(SmolLm3Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(SmolLm3Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<PreNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(SmolLm3Config.HiddenSize), Epsilon = nameof(SmolLm3Config.RmsNormEps), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(SmolLm3Config.HiddenSize), Out = nameof(SmolLm3Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(SmolLm3Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
