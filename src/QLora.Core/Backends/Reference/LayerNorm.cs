using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon)
    {
        var w = weight.Span<float>();
        var b = bias.Span<float>();
        for (var t = 0; t < x.Rows; t++)
        {
            var normalized = Normalized(new ActivationSpan(x.Slice(t, 1)), epsilon, out _);
            var output = new ActivationSpan(y.Slice(t, 1));
            for (var i = 0; i < w.Length; i++) output[i] = (float)(normalized[i] * w[i] + b[i]);
        }
    }

    /// <inheritdoc/>
    protected override void LayerNormBackwardCore(
        Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate)
    {
        var size = x.Columns;
        var w = weight.Span<float>();
        var (weightGradient, biasGradient) = (new double[size], new double[size]);
        for (var t = 0; t < x.Rows; t++)
        {
            var normalized = Normalized(new ActivationSpan(x.Slice(t, 1)), epsilon, out var scale);
            var gradient = new ActivationSpan(dy.Slice(t, 1));
            var (sum, dot) = (0.0, 0.0);
            for (var i = 0; i < size; i++)
            {
                sum += (double)gradient[i] * w[i];
                dot += (double)gradient[i] * w[i] * normalized[i];
                weightGradient[i] += gradient[i] * normalized[i];
                biasGradient[i] += gradient[i];
            }

            if (dx is not { } inputGradient) continue;
            var result = new ActivationSpan(inputGradient.Slice(t, 1));
            for (var i = 0; i < size; i++)
            {
                var value = scale * ((double)gradient[i] * w[i] - sum / size - normalized[i] * dot / size);
                result[i] = (float)(accumulate ? result[i] + value : value);
            }
        }

        if (dWeight is { } factor) AddTo(factor.Span<float>(), weightGradient);
        if (dBias is { } offset) AddTo(offset.Span<float>(), biasGradient);
    }

    private static double[] Normalized(ActivationSpan row, float epsilon, out double scale)
    {
        var mean = 0.0;
        for (var i = 0; i < row.Length; i++) mean += (double)row[i] / row.Length;
        var variance = 0.0;
        for (var i = 0; i < row.Length; i++) variance += (row[i] - mean) * (row[i] - mean) / row.Length;
        scale = 1 / Math.Sqrt(variance + epsilon);
        var result = new double[row.Length];
        for (var i = 0; i < result.Length; i++) result[i] = (row[i] - mean) * scale;
        return result;
    }

    private static void AddTo(Span<float> total, ReadOnlySpan<double> sums)
    {
        for (var i = 0; i < total.Length; i++) total[i] = (float)(total[i] + sums[i]);
    }
}
