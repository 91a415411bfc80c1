using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class CombineExpertsKernels
{
    /// <summary>A group for each slot.</summary>
    public static void CombineExperts<T>(ArrayView<T> x, ArrayView<int> slots, ArrayView<float> weights, ArrayView<T> y, int size, int k) where T : unmanaged, IElement<T>
    {
        var row = slots[Grid.IdxX] / k * size;
        for (var i = Repeats.First(slots, k); i < slots.IntLength; i = Repeats.Next(slots, k, i))
        {
            for (var d = Group.IdxX; d < size; d += Group.DimX) y[row + d] = T.Round(y[row + d].Widen() + weights[slots[i]] * x[i * size + d].Widen());
        }
    }

    /// <summary>A group does one slot.</summary>
    public static void CombineExpertsBackward<T>(
        ArrayView<T> x, ArrayView<int> slots, ArrayView<float> weights, ArrayView<T> dy, ArrayView<T> dx, ArrayView<float> dWeights, int size, int k)
        where T : unmanaged, IElement<T>
    {
        var slot = slots[Grid.IdxX];
        var row = Grid.IdxX * size;
        var from = slot / k * size;
        var part = 0f;
        for (var i = Group.IdxX; i < size; i += Group.DimX) part += dy[from + i].Widen() * x[row + i].Widen();
        var dot = Reduction.Sum(part);
        if (Group.IdxX == 0) dWeights[slot] = dot;
        for (var i = Group.IdxX; i < size; i += Group.DimX) dx[row + i] = T.Round(weights[slot] * dy[from + i].Widen());
    }
}
