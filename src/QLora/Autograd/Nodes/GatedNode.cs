using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// y = act(gate) · up, with SiLU or GELU; cheap, so its output is not kept. The gradients take over the buffers of the inputs, which nobody reads any more.
/// </summary>
internal sealed class GatedNode : Node
{
    private Activation _gate = null!, _up = null!;
    private bool _isGelu;

    public override string Name => $"the {(_isGelu ? "GeGLU" : "SwiGLU")} of block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    public GatedNode Of(Activation gate, Activation up, bool isGelu)
    {
        (_gate, _up, _isGelu) = (gate, up, isGelu);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(_gate.Shape, _gate.NeedsGradient || _up.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y)
    {
        if (_isGelu) Backend.GeGlu(_gate.Value, _up.Value, y);
        else Backend.SwiGlu(_gate.Value, _up.Value, y);
    }

    public override void Backward()
    {
        var dGate = _gate.TakeValue(out var ownsGate);
        var dUp = _up.TakeValue(out var ownsUp);
        if (_isGelu) Backend.GeGluBackward(dGate, dUp, OutputGradient, dGate, dUp);
        else Backend.SwiGluBackward(dGate, dUp, OutputGradient, dGate, dUp);
        _gate.ContributeGradient(dGate, ownsGate);
        _up.ContributeGradient(dUp, ownsUp);
    }
}
