using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Some rows of x: the tokens of one expert; cheap, so its output is not kept.</summary>
internal sealed class RowsNode : Node
{
    private readonly List<int> _ids = [];
    private Activation _x = null!;
    private Tensor? _rows; // (count) Int32

    public override string Name => $"the rows of an expert in block {Context.BlockIndex}";

    public override bool CanRecompute => true;

    /// <param name="x">(tokens, hidden).</param>
    /// <param name="slots">The expert's, as <see cref="RouteNode.SlotsOf"/> has them.</param>
    /// <param name="perToken">Slots of a token.</param>
    public RowsNode Of(Activation x, List<int> slots, int perToken)
    {
        _x = x;
        _ids.Clear();
        foreach (var slot in slots) _ids.Add(slot / perToken);
        return this;
    }

    public override Activation Forward()
    {
        _rows = Backend.Upload<int>(new Shape(_ids.Count), DType.Int32, CollectionsMarshal.AsSpan(_ids));
        var y = NewOutput(new Shape(_ids.Count, _x.Shape.Columns), _x.NeedsGradient);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.Embedding(_rows!.Value, _x.Value, y);

    public override void Backward()
    {
        var dx = _x.GradientToWrite(out var accumulate);
        if (!accumulate) Backend.Clear(dx);
        Backend.EmbeddingBackward(_rows!.Value, OutputGradient, dx);
    }

    public override void Release()
    {
        _rows?.Dispose();
        _rows = null;
    }
}
