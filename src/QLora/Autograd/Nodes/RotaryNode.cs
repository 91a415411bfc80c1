using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Rotation by the position, in place: the output takes over the input's buffer, and the gradient likewise on the way back.</summary>
internal sealed class RotaryNode(ForwardContext context, Activation x, int heads, Tensor positions, RotaryTable table) : Node(context)
{
    public override string Name => $"the rotary embedding of block {Context.BlockIndex}";

    public override Activation Forward()
    {
        var value = x.TakeValue(out var owned);
        Rotate(value, inverse: false);
        return new Activation(Backend, value, owned, x.NeedsGradient);
    }

    public override void Backward()
    {
        var (gradient, owned) = Output.TakeGradient();
        Rotate(gradient, inverse: true);
        x.ContributeGradient(gradient, owned);
    }

    private void Rotate(Tensor tensor, bool inverse)
        => Backend.Rotary(tensor.Reshape(tensor.Rows, heads, tensor.Columns / heads), positions, table.Cos, table.Sin, inverse);
}
