using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class CombineExpertsKernels
{
    /// <summary>A lane adds one column, in the order of the slots: several may be of one token.</summary>
    public static void CombineExperts<T>(ArrayView<T> x, ArrayView<int> slots, ArrayView<float> weights, ArrayView<T> y, int size, int k) where T : unmanaged, IElement<T>
    {
        var column = Grid.GlobalIndex.X;
        if (column >= size) return;
        for (var i = 0; i < slots.IntLength; i++)
        {
            var to = slots[i] / k * size + column;
            y[to] = T.Round(y[to].Widen() + weights[slots[i]] * x[i * size + column].Widen());
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
