using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y)
    {
        var g = gate.Span<float>();
        var u = up.Span<float>();
        var result = y.Span<float>();
        for (var i = 0; i < g.Length; i++) result[i] = (float)(g[i] * Sigmoid(g[i]) * u[i]);
    }

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
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
            var sigmoid = Sigmoid(z);
            gateGradient[i] = (float)(gradient * factor * sigmoid * (1 + z * (1 - sigmoid)));
            upGradient[i] = (float)(gradient * z * sigmoid);
        }
    }

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));
}
