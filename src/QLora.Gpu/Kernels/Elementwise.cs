using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class ElementwiseKernels
{
    public static void Add<T>(ArrayView<T> x, ArrayView<T> y, float alpha) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(y[i].Widen() + alpha * x[i].Widen());
    }

    public static void Scale<T>(ArrayView<T> x, float factor) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < x.IntLength) x[i] = T.Round(factor * x[i].Widen());
    }

    public static void AddBias<T>(ArrayView<F32> bias, ArrayView<T> y) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(y[i].Widen() + bias[i % bias.IntLength].Widen());
    }

    /// <summary>A group sums some columns.</summary>
    public static void AddBiasBackward<T>(ArrayView<T> dy, ArrayView<F32> dBias) where T : unmanaged, IElement<T>
    {
        var (column, size) = (Reduction.Column, dBias.IntLength);
        var part = 0f;
        if (column < size)
        {
            for (var i = Reduction.FirstRow * size + column; i < dy.IntLength; i += Reduction.LanesOfColumn * size) part += dy[i].Widen();
        }

        var sum = Reduction.SumOfColumn(part);
        if (column < size && Reduction.FirstRow == 0) dBias[column] = F32.Round(dBias[column].Widen() + sum);
    }
}
