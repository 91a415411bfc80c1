using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon)
    {
        var w = weight.Span<float>();
        for (var t = 0; t < x.Rows; t++)
        {
            var input = new ActivationSpan(x.Slice(t, 1));
            var output = new ActivationSpan(y.Slice(t, 1));
            var scale = InverseRootMeanSquare(input, epsilon);
            for (var i = 0; i < w.Length; i++) output[i] = (float)(input[i] * scale * w[i]);
        }
    }

    /// <inheritdoc/>
    protected override void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        var size = x.Columns;
        var w = weight.Span<float>();
        var weightGradient = new double[size];
        for (var t = 0; t < x.Rows; t++)
        {
            var input = new ActivationSpan(x.Slice(t, 1));
            var gradient = new ActivationSpan(dy.Slice(t, 1));
            var scale = InverseRootMeanSquare(input, epsilon);
            var dot = 0.0;
            for (var i = 0; i < size; i++)
            {
                dot += (double)gradient[i] * w[i] * input[i];
                weightGradient[i] += gradient[i] * input[i] * scale;
            }

            if (dx is not { } inputGradient) continue;
            var result = new ActivationSpan(inputGradient.Slice(t, 1));
            for (var i = 0; i < size; i++)
            {
                var value = scale * ((double)gradient[i] * w[i] - input[i] * scale * scale * dot / size);
                result[i] = (float)(accumulate ? result[i] + value : value);
            }
        }

        if (dWeight is not { } total) return;
        var sum = total.Span<float>();
        for (var i = 0; i < size; i++) sum[i] = (float)(sum[i] + weightGradient[i]);
    }

    private static double InverseRootMeanSquare(ActivationSpan row, float epsilon)
    {
        var squares = 0.0;
        for (var i = 0; i < row.Length; i++) squares += (double)row[i] * row[i];
        return 1 / Math.Sqrt(squares / row.Length + epsilon);
    }
}
