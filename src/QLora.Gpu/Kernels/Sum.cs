using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>What of each element is summed up.</summary>
internal interface ISummand
{
    static abstract double Of(double value);
}

/// <summary>The element itself.</summary>
internal readonly struct Itself : ISummand
{
    public static double Of(double value) => value;
}

/// <summary>Its square.</summary>
internal readonly struct Squared : ISummand
{
    public static double Of(double value) => value * value;
}

internal static class SumKernels
{
    /// <summary>Each group adds its share to an element of the accumulator.</summary>
    public static void Sum<T, TSummand>(ArrayView<T> x, ArrayView<double> sums) where T : unmanaged, IElement<T> where TSummand : struct, ISummand
    {
        var part = 0.0;
        for (var i = Grid.GlobalIndex.X; i < x.IntLength; i += Grid.DimX * Group.DimX) part += TSummand.Of(x[i].Widen());
        var sum = Reduction.Sum(part);
        if (Group.IdxX == 0) sums[Grid.IdxX] += sum;
    }
}
