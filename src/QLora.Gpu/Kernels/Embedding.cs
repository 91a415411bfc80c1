using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class EmbeddingKernels
{
    public static void Embedding<TWeight, T>(ArrayView<int> ids, TWeight weight, ArrayView<T> y, int size)
        where TWeight : struct, IWeightReader where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(weight.Read(ids[i / size] * size + i % size));
    }

    /// <summary>A group for each token.</summary>
    public static void EmbeddingBackward<TGradient, T>(ArrayView<int> ids, ArrayView<TGradient> dy, ArrayView<T> dWeight, int size)
        where TGradient : unmanaged, IElement<TGradient> where T : unmanaged, IElement<T>
    {
        var row = ids[Grid.IdxX] * size;
        for (var t = Repeats.First(ids, 1); t < ids.IntLength; t = Repeats.Next(ids, 1, t))
        {
            for (var d = Group.IdxX; d < size; d += Group.DimX) dWeight[row + d] = T.Round(dWeight[row + d].Widen() + dy[t * size + d].Widen());
        }
    }
}
