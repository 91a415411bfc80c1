using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Gemma3;

/// <summary>Gemma 3, text only (Gemma Team, arXiv:2503.19786): five layers within a window to one that sees everything.</summary>
[CausalLanguageModel("gemma3_text", GgufArchitecture = "gemma3")]
public sealed partial class Gemma3Model : CausalLanguageModel<Gemma3Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("model.embed_tokens", Rows = nameof(Gemma3Config.VocabSize), Columns = nameof(Gemma3Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("model.layers.{0}", Count = nameof(Gemma3Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<SandwichNormBlock> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [RmsNorm("model.norm", Size = nameof(Gemma3Config.HiddenSize), Epsilon = nameof(Gemma3Config.RmsNormEps),
        StoredMinusOne = nameof(Gemma3Config.NormsStoredMinusOne), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Gemma3Config.HiddenSize), Out = nameof(Gemma3Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Gemma3Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = context.Scale(TokenEmbedding.Forward(context), MathF.Sqrt(Config.HiddenSize));
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
