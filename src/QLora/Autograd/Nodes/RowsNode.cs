using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Some rows of x: the tokens of one expert; cheap, so its output is not kept.</summary>
internal sealed class RowsNode(ForwardContext context, Activation x, int[] rows) : Node(context)
{
    private Tensor? _rows; // (count) Int32

    public override string Name => $"the rows of an expert in block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    public override Activation Forward()
    {
        _rows = Backend.Upload<int>(new Shape(rows.Length), DType.Int32, rows);
        var y = NewOutput(new Shape(rows.Length, x.Shape.Columns), x.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.Embedding(_rows!.Value, x.Value, y);

    public override void Backward()
    {
        var dx = x.GradientToWrite(out var accumulate);
        if (!accumulate) Backend.Clear(dx);
        Backend.EmbeddingBackward(_rows!.Value, OutputGradient, dx);
    }

    public override void Release()
    {
        _rows?.Dispose();
        _rows = null;
    }
}
