using QLora.Annotations;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>The MLP with a gate (Shazeer, arXiv:2002.05202): act(x·Gᵀ) · (x·Uᵀ), then back to the residual stream.</summary>
[ModelPart]
public sealed partial class GatedMlp : ModelPart<DecoderConfig>
{
    /// <summary>The gate.</summary>
    [Linear("gate_proj", In = nameof(DecoderConfig.HiddenSize), Out = nameof(DecoderConfig.IntermediateSize), Bias = nameof(DecoderConfig.MlpBias), Gguf = "ffn_gate"), LoraTarget]
    public partial Linear Gate { get; }

    /// <summary>What the gate lets through.</summary>
    [Linear("up_proj", In = nameof(DecoderConfig.HiddenSize), Out = nameof(DecoderConfig.IntermediateSize), Bias = nameof(DecoderConfig.MlpBias), Gguf = "ffn_up"), LoraTarget]
    public partial Linear Up { get; }

    /// <summary>Back to the residual stream.</summary>
    [Linear("down_proj", In = nameof(DecoderConfig.IntermediateSize), Out = nameof(DecoderConfig.HiddenSize), Bias = nameof(DecoderConfig.MlpBias), Gguf = "ffn_down"), LoraTarget]
    public partial Linear Down { get; }

    /// <summary>The MLP of every token.</summary>
    /// <param name="x">(tokens, hidden).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation Forward(Activation x, ForwardContext context)
    {
        var (gate, up) = context.Linears(x, Gate, Up);
        return Down.Forward(Config.MlpIsGelu ? context.GeGlu(gate, up) : context.SwiGlu(gate, up), context);
    }
}
