using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>y = x / rms(x) · weight, row by row or, where the weight is shorter than a row, for each piece of its length; cheap, so its output is not kept.</summary>
internal sealed class RmsNormNode : Node
{
    private RmsNorm _layer = null!;
    private Activation _x = null!;

    public override string Name => _layer.Path;

    public override bool CanRecompute => true;

    public RmsNormNode Of(RmsNorm layer, Activation x)
    {
        (_layer, _x) = (layer, x);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(_x.Shape, _x.NeedsGradient || _layer.Weight.IsTrainable);
        Compute(y.Value);
        return y;
    }

    public override void Compute(Tensor y) => Backend.RmsNorm(Pieces(_x.Value), _layer.Weight.Value, Pieces(y), _layer.Epsilon);

    public override void Backward()
    {
        var accumulate = false;
        Tensor? dx = _x.NeedsGradient ? Pieces(_x.GradientToWrite(out accumulate)) : null;
        Backend.RmsNormBackward(Pieces(_x.Value), _layer.Weight.Value, Pieces(OutputGradient), dx, _layer.Weight.Gradient, _layer.Epsilon, accumulate);
    }

    private Tensor Pieces(Tensor tensor) => tensor.Columns == _layer.Spec.Size ? tensor : tensor.Reshape(checked((int)(tensor.Count / _layer.Spec.Size)), _layer.Spec.Size);
}
