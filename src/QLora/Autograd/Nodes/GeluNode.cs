using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = gelu(x); cheap, so its output is not kept. The gradient takes over the buffer of the input, which nobody reads any more.</summary>
internal sealed class GeluNode : Node
{
    private Activation _x = null!;

    public override string Name => $"the GELU of block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    public GeluNode Of(Activation x)
    {
        _x = x;
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(_x.Shape, _x.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.Gelu(_x.Value, y);

    public override void Backward()
    {
        var dx = _x.TakeValue(out var owned);
        Backend.GeluBackward(dx, OutputGradient, dx);
        _x.ContributeGradient(dx, owned);
    }
}
