using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class LayerNormKernels
{
    /// <summary>A group norms one row.</summary>
    public static void LayerNorm<T>(ArrayView<T> x, ArrayView<F32> weight, ArrayView<F32> bias, ArrayView<T> y, float epsilon) where T : unmanaged, IElement<T>
    {
        var size = weight.IntLength;
        var row = Grid.IdxX * size;
        var mean = Mean(x, row, size);
        var scale = InverseDeviation(x, row, size, mean, epsilon);
        for (var i = Group.IdxX; i < size; i += Group.DimX) y[row + i] = T.Round((x[row + i].Widen() - mean) * scale * weight[i].Widen() + bias[i].Widen());
    }

    /// <summary>A group computes one row of dx.</summary>
    public static void LayerNormBackward<T>(ArrayView<T> x, ArrayView<F32> weight, ArrayView<T> dy, ArrayView<T> dx, float epsilon, int accumulate)
        where T : unmanaged, IElement<T>
    {
        var size = weight.IntLength;
        var row = Grid.IdxX * size;
        var mean = Mean(x, row, size);
        var scale = InverseDeviation(x, row, size, mean, epsilon);
        var sum = 0f;
        var dot = 0f;
        for (var i = Group.IdxX; i < size; i += Group.DimX)
        {
            var g = dy[row + i].Widen() * weight[i].Widen();
            sum += g;
            dot += g * ((x[row + i].Widen() - mean) * scale);
        }

        var meanGradient = Reduction.Sum(sum) / size;
        var meanDot = Reduction.Sum(dot) / size;
        for (var i = Group.IdxX; i < size; i += Group.DimX)
        {
            var normalized = (x[row + i].Widen() - mean) * scale;
            var value = scale * (dy[row + i].Widen() * weight[i].Widen() - meanGradient - normalized * meanDot);
            dx[row + i] = T.Round(accumulate != 0 ? dx[row + i].Widen() + value : value);
        }
    }

    /// <summary>means[t] and scales[t] of each row, by a group.</summary>
    public static void Statistics<T>(ArrayView<T> x, ArrayView<F32> means, ArrayView<F32> scales, int size, float epsilon) where T : unmanaged, IElement<T>
    {
        var mean = Mean(x, Grid.IdxX * size, size);
        var scale = InverseDeviation(x, Grid.IdxX * size, size, mean, epsilon);
        if (Group.IdxX != 0) return;
        means[Grid.IdxX] = F32.Round(mean);
        scales[Grid.IdxX] = F32.Round(scale);
    }

    /// <summary>A group sums some columns of dWeight.</summary>
    public static void WeightGradient<T>(ArrayView<T> x, ArrayView<T> dy, ArrayView<F32> means, ArrayView<F32> scales, ArrayView<F32> dWeight) where T : unmanaged, IElement<T>
    {
        var (column, size) = (Reduction.Column, dWeight.IntLength);
        var part = 0f;
        if (column < size)
        {
            for (var t = Reduction.FirstRow; t < scales.IntLength; t += Reduction.LanesOfColumn)
            {
                part += dy[t * size + column].Widen() * ((x[t * size + column].Widen() - means[t].Widen()) * scales[t].Widen());
            }
        }

        var sum = Reduction.SumOfColumn(part);
        if (column < size && Reduction.FirstRow == 0) dWeight[column] = F32.Round(dWeight[column].Widen() + sum);
    }

    private static float Mean<T>(ArrayView<T> x, int row, int size) where T : unmanaged, IElement<T>
    {
        var part = 0f;
        for (var i = Group.IdxX; i < size; i += Group.DimX) part += x[row + i].Widen();
        return Reduction.Sum(part) / size;
    }

    private static float InverseDeviation<T>(ArrayView<T> x, int row, int size, float mean, float epsilon) where T : unmanaged, IElement<T>
    {
        var part = 0f;
        for (var i = Group.IdxX; i < size; i += Group.DimX)
        {
            var centred = x[row + i].Widen() - mean;
            part += centred * centred;
        }

        return 1 / MathF.Sqrt(Reduction.Sum(part) / size + epsilon);
    }
}
