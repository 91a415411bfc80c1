using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = x / rms(x) · weight, row by row or, where the weight is shorter than a row, for each piece of its length; cheap, so its output is not kept.</summary>
internal sealed class RmsNormNode(ForwardContext context, RmsNorm layer, Activation x) : Node(context)
{
    public override string Name => layer.Path;

    public override bool CanRecompute => true;

    public override Activation Forward()
    {
        var y = NewOutput(x.Shape, x.NeedsGradient || layer.Weight.IsTrainable);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.RmsNorm(Pieces(x.Value), layer.Weight.Value, Pieces(y), layer.Epsilon);

    public override void Backward()
    {
        var accumulate = false;
        Tensor? dx = x.NeedsGradient ? Pieces(x.GradientToWrite(out accumulate)) : null;
        Backend.RmsNormBackward(Pieces(x.Value), layer.Weight.Value, Pieces(OutputGradient), dx, layer.Weight.Gradient, layer.Epsilon, accumulate);
    }

    private Tensor Pieces(Tensor tensor) => tensor.Columns == layer.Spec.Size ? tensor : tensor.Reshape(checked((int)(tensor.Count / layer.Spec.Size)), layer.Spec.Size);
}
