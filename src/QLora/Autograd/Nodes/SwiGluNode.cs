using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = silu(gate) · up; cheap, so its output is not kept. The gradients take over the buffers of the inputs, which nobody reads any more.</summary>
internal sealed class SwiGluNode(ForwardContext context, Activation gate, Activation up) : Node(context)
{
    public override string Name => $"the SwiGLU of block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    public override Activation Forward()
    {
        var y = NewOutput(gate.Shape, gate.NeedsGradient || up.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.SwiGlu(gate.Value, up.Value, y);

    public override void Backward()
    {
        var dGate = gate.TakeValue(out var ownsGate);
        var dUp = up.TakeValue(out var ownsUp);
        Backend.SwiGluBackward(dGate, dUp, OutputGradient, dGate, dUp);
        gate.ContributeGradient(dGate, ownsGate);
        up.ContributeGradient(dUp, ownsUp);
    }
}
