using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Rotation by the position, in place: the output takes over the input's buffer, and the gradient likewise on the way back.</summary>
internal sealed class RotaryNode : Node
{
    private Activation _x = null!;
    private int _heads;
    private Tensor _positions;
    private RotaryTable _table = null!;

    public override string Name => $"the rotary embedding of block {Context.BlockIndex}";

    public RotaryNode Of(Activation x, int heads, Tensor positions, RotaryTable table)
    {
        (_x, _heads, _positions, _table) = (x, heads, positions, table);
        return this;
    }

    public override Activation Forward()
    {
        var value = _x.TakeValue(out var owned);
        Rotate(value, inverse: false);
        return Context.NewActivation(value, owned, _x.NeedsGradient);
    }

    public override void Backward()
    {
        var (gradient, owned) = Output.TakeGradient();
        Rotate(gradient, inverse: true);
        _x.ContributeGradient(gradient, owned);
    }

    private void Rotate(Tensor tensor, bool inverse)
        => Backend.Rotary(tensor.Reshape(tensor.Rows, _heads, tensor.Columns / _heads), _positions, _table.Cos, _table.Sin, inverse);
}
