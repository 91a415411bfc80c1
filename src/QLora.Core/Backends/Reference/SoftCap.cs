using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float cap)
    {
        foreach (ref var value in x.Span<float>()) value = (float)(cap * Math.Tanh((double)value / cap));
    }

    /// <inheritdoc/>
    protected override void SoftCapBackwardCore(Tensor y, Tensor dx, float cap)
    {
        var output = y.Span<float>();
        var gradient = dx.Span<float>();
        for (var i = 0; i < gradient.Length; i++)
        {
            var tanh = (double)output[i] / cap;
            gradient[i] = (float)(gradient[i] * (1 - tanh * tanh));
        }
    }
}
