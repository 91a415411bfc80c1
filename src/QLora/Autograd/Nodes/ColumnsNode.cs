using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Some columns of x; cheap, so its output is not kept. Of one x no column may be taken twice: each writes its part of the gradient.</summary>
internal sealed class ColumnsNode(ForwardContext context, Activation x, int start, int count) : Node(context)
{
    public override string Name => $"columns {start} to {start + count} in block {Context.BlockIndex}";

    public override Activation Forward()
    {
        var y = NewOutput(new Shape(x.Shape.Rows, count), x.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.CopyColumns(x.Value, start, y, 0, count);

    public override void Backward()
    {
        var dx = x.GradientToWrite(out var isBegun);
        if (!isBegun) Backend.Clear(dx);
        Backend.CopyColumns(OutputGradient, 0, dx, start, count);
    }
}
