using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = (x − mean(x)) / deviation(x) · weight + bias; cheap, so its output is not kept.</summary>
internal sealed class LayerNormNode : Node
{
    private LayerNorm _layer = null!;
    private Activation _x = null!;

    public override string Name => _layer.Path;

    public override bool CanRecompute => true;

    public LayerNormNode Of(LayerNorm layer, Activation x)
    {
        (_layer, _x) = (layer, x);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(_x.Shape, _x.NeedsGradient || _layer.Weight.IsTrainable || _layer.Bias.IsTrainable);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.LayerNorm(_x.Value, _layer.Weight.Value, _layer.Bias.Value, y, _layer.Epsilon);

    public override void Backward()
    {
        var accumulate = false;
        Tensor? dx = _x.NeedsGradient ? _x.GradientToWrite(out accumulate) : null;
        Backend.LayerNormBackward(_x.Value, _layer.Weight.Value, OutputGradient, dx, _layer.Weight.Gradient, _layer.Bias.Gradient, _layer.Epsilon, accumulate);
    }
}
