using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>Products in single precision: all operands are rows of numbers, and only keys that scores are made of are packed.</summary>
/// <param name="size">The padded head size.</param>
internal readonly unsafe struct SingleProducts(int size) : IAttentionProducts
{
    public static int WeightsSize(int queries) => 0;

    public void PackPanels<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* panels)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat => KeyPack.Panels<V, TFormat>(source, stride, start, keys, headSize, panels);

    public void PackRows<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* rows)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat => KeyPack.Rows<V, TFormat>(source, stride, start, keys, headSize, rows);

    [MethodImpl(Hot.Loop)]
    public void Load<V, TFormat>(in QuerySpan queries, byte* source, nint stride, int headSize, float* rows) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        for (var i = 0; i < queries.Groups * Tile.Rows<V>(); i++)
        {
            var row = rows + i * size;
            var filled = i < queries.Count ? headSize : 0;
            VectorMath.Scale<V, TFormat, SingleFormat>(source + i * stride * TFormat.Size, (byte*)row, filled);
            new Span<float>(row + filled, size - filled).Clear();
        }
    }

    public float* AsRight(in QuerySpan queries, float* rows) => rows;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MultiplyByPanel<V>(float* rows, int group, float* panels, int key, int headSize, float* products) where V : unmanaged, IVector<V> =>
        Tile.Multiply<V>(new LeftRows(rows + group * Tile.Rows<V>() * size, size, 1), panels + (nint)key * headSize, 2 * V.Count, products, KeyPack.Block, headSize, accumulate: false);

    public float* AsLeft(in QuerySpan queries, int start, float* weights, float* scratch) => weights;

    public float* AsTransposedLeft(in QuerySpan queries, float* weights, float* scratch) => weights;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Multiply<V>(float* left, int group, int begin, int end, float* right, int start, int column, float* sums, bool accumulate) where V : unmanaged, IVector<V>
    {
        var first = group * Tile.Rows<V>();
        var rows = new LeftRows(left + first * KeyPack.Block + begin, KeyPack.Block, 1);
        Tile.Multiply<V>(rows, right + (nint)(start + begin) * size + column, size, sums + first * size + column, size, end - begin, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MultiplyTransposed<V>(float* left, int key, int from, int to, float* right, int column, float* sums) where V : unmanaged, IVector<V>
    {
        var rows = new LeftRows(left + from * KeyPack.Block + key, 1, KeyPack.Block);
        Tile.Multiply<V>(rows, right + from * size + column, size, sums + column, size, to - from, accumulate: true);
    }
}
