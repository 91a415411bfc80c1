using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// y = act(gate) · up, with SiLU or GELU; cheap, so its output is not kept. The gradients take over the buffers of the inputs, which nobody reads any more.
/// </summary>
internal sealed class GatedNode(ForwardContext context, Activation gate, Activation up, bool isGelu) : Node(context)
{
    public override string Name => $"the {(isGelu ? "GeGLU" : "SwiGLU")} of block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    public override Activation Forward()
    {
        var y = NewOutput(gate.Shape, gate.NeedsGradient || up.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y)
    {
        if (isGelu) Backend.GeGlu(gate.Value, up.Value, y);
        else Backend.SwiGlu(gate.Value, up.Value, y);
    }

    public override void Backward()
    {
        var dGate = gate.TakeValue(out var ownsGate);
        var dUp = up.TakeValue(out var ownsUp);
        if (isGelu) Backend.GeGluBackward(dGate, dUp, OutputGradient, dGate, dUp);
        else Backend.SwiGluBackward(dGate, dUp, OutputGradient, dGate, dUp);
        gate.ContributeGradient(dGate, ownsGate);
        up.ContributeGradient(dUp, ownsUp);
    }
}
