using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = gelu(x); cheap, so its output is not kept. The gradient takes over the buffer of the input, which nobody reads any more.</summary>
internal sealed class GeluNode(ForwardContext context, Activation x) : Node(context)
{
    public override string Name => $"the GELU of block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    public override Activation Forward()
    {
        var y = NewOutput(x.Shape, x.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.Gelu(x.Value, y);

    public override void Backward()
    {
        var dx = x.TakeValue(out var owned);
        Backend.GeluBackward(dx, OutputGradient, dx);
        x.ContributeGradient(dx, owned);
    }
}
