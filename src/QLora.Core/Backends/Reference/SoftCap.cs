using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float cap)
    {
        var values = new ActivationSpan(x);
        for (var i = 0; i < values.Length; i++) values[i] = (float)(cap * Math.Tanh((double)values[i] / cap));
    }

    /// <inheritdoc/>
    protected override void SoftCapBackwardCore(Tensor y, Tensor dx, float cap)
    {
        var output = new ActivationSpan(y);
        var gradient = new ActivationSpan(dx);
        for (var i = 0; i < gradient.Length; i++)
        {
            var tanh = (double)output[i] / cap;
            gradient[i] = (float)(gradient[i] * (1 - tanh * tanh));
        }
    }
}
