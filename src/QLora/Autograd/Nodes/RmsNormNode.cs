using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = x / rms(x) · weight; cheap, so its output is not kept.</summary>
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

    public override void Compute(Tensor y) => Backend.RmsNorm(x.Value, layer.Weight.Value, y, layer.Epsilon);

    public override void Backward()
    {
        var accumulate = false;
        Tensor? dx = x.NeedsGradient ? x.GradientToWrite(out accumulate) : null;
        Backend.RmsNormBackward(x.Value, layer.Weight.Value, OutputGradient, dx, layer.Weight.Gradient, layer.Epsilon, accumulate);
    }
}
