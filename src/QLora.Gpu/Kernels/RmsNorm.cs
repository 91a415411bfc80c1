using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class RmsNormKernels
{
    /// <summary>A group norms one row.</summary>
    public static void RmsNorm<T>(ArrayView<T> x, ArrayView<F32> weight, ArrayView<T> y, float epsilon) where T : unmanaged, IElement<T>
    {
        var size = weight.IntLength;
        var row = Grid.IdxX * size;
        var scale = InverseRootMeanSquare(x, row, size, epsilon);
        for (var i = Group.IdxX; i < size; i += Group.DimX) y[row + i] = T.Round(x[row + i].Widen() * scale * weight[i].Widen());
    }

    /// <summary>A group computes one row of dx.</summary>
    public static void RmsNormBackward<T>(ArrayView<T> x, ArrayView<F32> weight, ArrayView<T> dy, ArrayView<T> dx, float epsilon, int accumulate)
        where T : unmanaged, IElement<T>
    {
        var size = weight.IntLength;
        var row = Grid.IdxX * size;
        var scale = InverseRootMeanSquare(x, row, size, epsilon);
        var part = 0f;
        for (var i = Group.IdxX; i < size; i += Group.DimX) part += dy[row + i].Widen() * weight[i].Widen() * x[row + i].Widen();
        var mean = Reduction.Sum(part) / size;
        for (var i = Group.IdxX; i < size; i += Group.DimX)
        {
            var value = scale * (dy[row + i].Widen() * weight[i].Widen() - x[row + i].Widen() * scale * scale * mean);
            dx[row + i] = T.Round(accumulate != 0 ? dx[row + i].Widen() + value : value);
        }
    }

    /// <summary>scales[t] ← 1 / sqrt(mean(x[t]²) + epsilon): a group for each row.</summary>
    public static void Scales<T>(ArrayView<T> x, ArrayView<F32> scales, int size, float epsilon) where T : unmanaged, IElement<T>
    {
        var scale = InverseRootMeanSquare(x, Grid.IdxX * size, size, epsilon);
        if (Group.IdxX == 0) scales[Grid.IdxX] = F32.Round(scale);
    }

    /// <summary>A group sums some columns of dWeight.</summary>
    public static void WeightGradient<T>(ArrayView<T> x, ArrayView<T> dy, ArrayView<F32> scales, ArrayView<F32> dWeight) where T : unmanaged, IElement<T>
    {
        var (column, size) = (Reduction.Column, dWeight.IntLength);
        var part = 0f;
        if (column < size)
        {
            for (var t = Reduction.FirstRow; t < scales.IntLength; t += Reduction.LanesOfColumn)
            {
                part += dy[t * size + column].Widen() * (x[t * size + column].Widen() * scales[t].Widen());
            }
        }

        var sum = Reduction.SumOfColumn(part);
        if (column < size && Reduction.FirstRow == 0) dWeight[column] = F32.Round(dWeight[column].Widen() + sum);
    }

    private static float InverseRootMeanSquare<T>(ArrayView<T> x, int row, int size, float epsilon) where T : unmanaged, IElement<T>
    {
        var part = 0f;
        for (var i = Group.IdxX; i < size; i += Group.DimX) part += x[row + i].Widen() * x[row + i].Widen();
        return 1 / MathF.Sqrt(Reduction.Sum(part) / size + epsilon);
    }
}
