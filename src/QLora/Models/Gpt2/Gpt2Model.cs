using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Gpt2;

/// <summary>GPT-2 (Radford et al., 2019): learned positions, layer norms, one MLP matrix in and one out.</summary>
[CausalLanguageModel("gpt2")]
public sealed partial class Gpt2Model : CausalLanguageModel<Gpt2Config>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("transformer.wte", Rows = nameof(Gpt2Config.VocabSize), Columns = nameof(Gpt2Config.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>What is added to it at every position.</summary>
    [Embedding("transformer.wpe", Rows = nameof(Gpt2Config.MaxPositionEmbeddings), Columns = nameof(Gpt2Config.HiddenSize), Gguf = "position_embd")]
    public partial Embedding PositionEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("transformer.h.{0}", Count = nameof(Gpt2Config.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<Gpt2Block> Blocks { get; }

    /// <summary>The norm before the output head.</summary>
    [LayerNorm("transformer.ln_f", Size = nameof(Gpt2Config.HiddenSize), Epsilon = nameof(Gpt2Config.LayerNormEpsilon), Gguf = "output_norm")]
    public partial LayerNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(Gpt2Config.HiddenSize), Out = nameof(Gpt2Config.VocabSize), Gguf = "output",
        TiedTo = nameof(TokenEmbedding), TiedWhen = nameof(Gpt2Config.TieWordEmbeddings), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = context.Add(TokenEmbedding.Forward(context), PositionEmbedding.ForwardPositions(context));
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
