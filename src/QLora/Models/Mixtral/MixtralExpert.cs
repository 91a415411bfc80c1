using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Mixtral;

/// <summary>One expert of Mixtral: a gated MLP.</summary>
[ModelPart]
public sealed partial class MixtralExpert : ModelPart<MixtralConfig>
{
    /// <summary>The gate.</summary>
    [Linear("w1", In = nameof(MixtralConfig.HiddenSize), Out = nameof(MixtralConfig.IntermediateSize), Gguf = "ffn_gate_exps"), LoraTarget]
    public partial Linear Gate { get; }

    /// <summary>What the gate lets through.</summary>
    [Linear("w3", In = nameof(MixtralConfig.HiddenSize), Out = nameof(MixtralConfig.IntermediateSize), Gguf = "ffn_up_exps"), LoraTarget]
    public partial Linear Up { get; }

    /// <summary>Back to the residual stream.</summary>
    [Linear("w2", In = nameof(MixtralConfig.IntermediateSize), Out = nameof(MixtralConfig.HiddenSize), Gguf = "ffn_down_exps"), LoraTarget]
    public partial Linear Down { get; }

    /// <summary>The MLP of the tokens that chose this expert.</summary>
    /// <param name="x">(tokens, hidden).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation Forward(Activation x, ForwardContext context) => Down.Forward(context.SwiGlu(Gate.Forward(x, context), Up.Forward(x, context)), context);
}
