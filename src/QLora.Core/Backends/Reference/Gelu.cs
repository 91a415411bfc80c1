using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void GeluCore(Tensor x, Tensor y)
    {
        var input = new ActivationSpan(x);
        var result = new ActivationSpan(y);
        for (var i = 0; i < input.Length; i++) result[i] = (float)GeluOf(input[i]);
    }

    /// <inheritdoc/>
    protected override void GeluBackwardCore(Tensor x, Tensor dy, Tensor dx)
    {
        var input = new ActivationSpan(x);
        var gradient = new ActivationSpan(dy);
        var result = new ActivationSpan(dx);
        for (var i = 0; i < input.Length; i++) result[i] = (float)(gradient[i] * GeluSlope(input[i]));
    }

    private static double GeluOf(double z) => 0.5 * z * (1 + GeluTanh(z));

    private static double GeluSlope(double z)
    {
        var tanh = GeluTanh(z);
        return 0.5 * (1 + tanh) + 0.5 * z * (1 - tanh * tanh) * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * z * z);
    }

    private static double GeluTanh(double z) => Math.Tanh(Math.Sqrt(2 / Math.PI) * (z + 0.044715 * z * z * z));
}
