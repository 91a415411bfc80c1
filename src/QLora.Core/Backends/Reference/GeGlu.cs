using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void GeGluCore(Tensor gate, Tensor up, Tensor y)
    {
        var g = gate.Span<float>();
        var u = up.Span<float>();
        var result = y.Span<float>();
        for (var i = 0; i < g.Length; i++) result[i] = (float)(GeluOf(g[i]) * u[i]);
    }

    /// <inheritdoc/>
    protected override void GeGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        var g = gate.Span<float>();
        var u = up.Span<float>();
        var d = dy.Span<float>();
        var gateGradient = dGate.Span<float>();
        var upGradient = dUp.Span<float>();
        for (var i = 0; i < g.Length; i++)
        {
            // The results may lie over the inputs: read all three first.
            double z = g[i], factor = u[i], gradient = d[i];
            gateGradient[i] = (float)(gradient * factor * GeluSlope(z));
            upGradient[i] = (float)(gradient * GeluOf(z));
        }
    }
}
