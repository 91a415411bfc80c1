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

    /// <summary>A lane adds one column, in the order of the tokens: ids may repeat.</summary>
    public static void EmbeddingBackward<TGradient, T>(ArrayView<int> ids, ArrayView<TGradient> dy, ArrayView<T> dWeight, int size)
        where TGradient : unmanaged, IElement<TGradient> where T : unmanaged, IElement<T>
    {
        var column = Grid.GlobalIndex.X;
        if (column >= size) return;
        for (var t = 0; t < ids.IntLength; t++)
        {
            var i = ids[t] * size + column;
            dWeight[i] = T.Round(dWeight[i].Widen() + dy[t * size + column].Widen());
        }
    }
}
