using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = (x − mean(x)) / deviation(x) · weight + bias; cheap, so its output is not kept.</summary>
internal sealed class LayerNormNode(ForwardContext context, LayerNorm layer, Activation x) : Node(context)
{
    public override string Name => layer.Path;

    public override bool CanRecompute => true;

    public override Activation Forward()
    {
        var y = NewOutput(x.Shape, x.NeedsGradient || layer.Weight.IsTrainable || layer.Bias.IsTrainable);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.LayerNorm(x.Value, layer.Weight.Value, layer.Bias.Value, y, layer.Epsilon);

    public override void Backward()
    {
        var accumulate = false;
        Tensor? dx = x.NeedsGradient ? x.GradientToWrite(out accumulate) : null;
        Backend.LayerNormBackward(x.Value, layer.Weight.Value, OutputGradient, dx, layer.Weight.Gradient, layer.Bias.Gradient, layer.Epsilon, accumulate);
    }
}
