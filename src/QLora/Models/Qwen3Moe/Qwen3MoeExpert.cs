using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Qwen3Moe;

/// <summary>One expert of Qwen 3: a gated MLP.</summary>
[ModelPart]
public sealed partial class Qwen3MoeExpert : ModelPart<Qwen3MoeConfig>
{
    /// <summary>The gate.</summary>
    [Linear("gate_proj", In = nameof(Qwen3MoeConfig.HiddenSize), Out = nameof(Qwen3MoeConfig.ExpertSize), Gguf = "ffn_gate_exps"), LoraTarget]
    public partial Linear Gate { get; }

    /// <summary>What the gate lets through.</summary>
    [Linear("up_proj", In = nameof(Qwen3MoeConfig.HiddenSize), Out = nameof(Qwen3MoeConfig.ExpertSize), Gguf = "ffn_up_exps"), LoraTarget]
    public partial Linear Up { get; }

    /// <summary>Back to the residual stream.</summary>
    [Linear("down_proj", In = nameof(Qwen3MoeConfig.ExpertSize), Out = nameof(Qwen3MoeConfig.HiddenSize), Gguf = "ffn_down_exps"), LoraTarget]
    public partial Linear Down { get; }

    /// <summary>The MLP of the tokens that chose this expert.</summary>
    /// <param name="x">(tokens, hidden).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation Forward(Activation x, ForwardContext context) => Down.Forward(context.SwiGlu(Gate.Forward(x, context), Up.Forward(x, context)), context);
}
