using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y)
    {
        var g = new ActivationSpan(gate);
        var u = new ActivationSpan(up);
        var result = new ActivationSpan(y);
        for (var i = 0; i < g.Length; i++) result[i] = (float)(g[i] * Sigmoid(g[i]) * u[i]);
    }

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        var g = new ActivationSpan(gate);
        var u = new ActivationSpan(up);
        var d = new ActivationSpan(dy);
        var gateGradient = new ActivationSpan(dGate);
        var upGradient = new ActivationSpan(dUp);
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
