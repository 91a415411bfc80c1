using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Some columns of x; cheap, so its output is not kept. Of one x no column may be taken twice: each writes its part of the gradient.</summary>
internal sealed class ColumnsNode : Node
{
    private Activation _x = null!;
    private int _start, _count;

    public override string Name => $"columns {_start} to {_start + _count} in block {Context.BlockIndex}";

    public ColumnsNode Of(Activation x, int start, int count)
    {
        (_x, _start, _count) = (x, start, count);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(new Shape(_x.Shape.Rows, _count), _x.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.CopyColumns(_x.Value, _start, y, 0, _count);

    public override void Backward()
    {
        var dx = _x.GradientToWrite(out var isBegun);
        if (!isBegun) Backend.Clear(dx);
        Backend.CopyColumns(OutputGradient, 0, dx, _start, _count);
    }
}
