using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void AddCore(Tensor x, Tensor y, float alpha)
    {
        var input = new ActivationSpan(x);
        var result = new ActivationSpan(y);
        for (var i = 0; i < input.Length; i++) result[i] = (float)(result[i] + (double)alpha * input[i]);
    }

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor x, float factor)
    {
        var values = new ActivationSpan(x);
        for (var i = 0; i < values.Length; i++) values[i] *= factor;
    }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor bias, Tensor y)
    {
        var b = bias.Span<float>();
        for (var t = 0; t < y.Rows; t++)
        {
            var row = new ActivationSpan(y.Slice(t, 1));
            for (var i = 0; i < row.Length; i++) row[i] += b[i];
        }
    }

    /// <inheritdoc/>
    protected override void AddBiasBackwardCore(Tensor dy, Tensor dBias)
    {
        var gradient = new ActivationSpan(dy);
        var result = dBias.Span<float>();
        for (var i = 0; i < result.Length; i++)
        {
            var sum = 0.0;
            for (var t = 0; t < dy.Rows; t++) sum += gradient[t * result.Length + i];
            result[i] = (float)(result[i] + sum);
        }
    }
}
