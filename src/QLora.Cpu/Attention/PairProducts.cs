using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm.BFloat16;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// Products of pairs of BFloat16 numbers, of activations in that format: each operand is kept with two numbers of the inner index side by side, and weights are rounded for it.
/// A block's first inner index is even, so ranges of it widen to whole pairs; what they gain are zeros.
/// </summary>
/// <param name="tiles">Of the padded head size.</param>
internal readonly unsafe struct PairProducts(PairTiles tiles) : IAttentionProducts
{
    private const int PairsOfBlock = KeyPack.Block / 2;

    // Rows in BFloat16, and pairs of rows.
    public static int WeightsSize(int queries) => (queries + 1) / 2 * KeyPack.Block;

    public void PackPanels<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* panels) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var rows = new Pairs((ushort*)source, stride, 1);
        for (var key = start; key < KeyPack.PaddedKeys(keys); key += PairTiles.Width)
        {
            rows.Pack<V>(key, Math.Clamp(keys - key, 0, PairTiles.Width), PairTiles.Width, 0, headSize, Panel(panels, key, headSize));
        }
    }

    public void PackRows<V, TFormat>(byte* source, nint stride, int start, int keys, int headSize, float* rows) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        new Pairs((ushort*)source, 1, stride).Pack<V>(0, headSize, tiles.Size, start, keys - start, (uint*)rows + (nint)start / 2 * tiles.Size);
        var end = (nint)((keys + 1) / 2) * tiles.Size;
        new Span<float>(rows + end, (int)((nint)KeyPack.PaddedKeys(keys) / 2 * tiles.Size - end)).Clear();
    }

    [MethodImpl(Hot.Loop)]
    public void Load<V, TFormat>(in QuerySpan queries, byte* source, nint stride, int headSize, float* rows) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var numbers = new Span<ushort>(rows, queries.Groups * PairTiles.Rows * tiles.Size);
        for (var i = 0; i < queries.Count; i++, numbers = numbers[tiles.Size..])
        {
            new ReadOnlySpan<ushort>((ushort*)source + i * stride, headSize).CopyTo(numbers);
            numbers[headSize..tiles.Size].Clear();
        }

        numbers.Clear();
    }

    /// <summary>Behind the rows themselves, which take half of the place.</summary>
    public float* AsRight(in QuerySpan queries, float* rows)
    {
        var numbers = queries.Groups * PairTiles.Rows;
        var pairs = rows + numbers / 2 * tiles.Size;
        new Pairs((ushort*)rows, 1, tiles.Size).Pack<Float16>(0, tiles.Size, tiles.Size, 0, numbers, (uint*)pairs);
        return pairs;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MultiplyByPanel<V>(float* rows, int group, float* panels, int key, int headSize, float* products) where V : unmanaged, IVector<V> =>
        tiles.Scores.Multiply((headSize + 1) / 2, (uint*)rows + group * PairTiles.Rows * (tiles.Size / 2), Panel(panels, key, headSize), products);

    [MethodImpl(Hot.Loop)]
    public float* AsLeft(in QuerySpan queries, int start, float* weights, float* scratch)
    {
        for (var i = 0; i < queries.Count; i++)
        {
            var group = i / PairTiles.Rows;
            var row = weights + i * KeyPack.Block;
            var rounded = (ushort*)scratch + i * KeyPack.Block;
            var end = queries.VisibleToGroup(group, start);
            for (var j = queries.HiddenFromGroup(group, start) / PairTiles.Width * PairTiles.Width; j < end; j += PairTiles.Width)
            {
                Float16.StoreBFloat16(Float16.Load(row + j), Float16.Load(row + j + Float16.Count), rounded + j);
            }
        }

        return scratch;
    }

    [MethodImpl(Hot.Loop)]
    public float* AsTransposedLeft(in QuerySpan queries, float* weights, float* scratch)
    {
        for (var i = 0; i < queries.Count; i += 2)
        {
            var first = weights + i * KeyPack.Block;
            var pairs = (uint*)scratch + i / 2 * KeyPack.Block;
            var isPair = i + 1 < queries.Count;
            for (var j = 0; j < KeyPack.Block; j += Float16.Count)
            {
                Float16.StorePairs(Float16.Load(first + j), isPair ? Float16.Load(first + KeyPack.Block + j) : Float16.Create(0), pairs + j);
            }
        }

        return scratch;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Multiply<V>(float* left, int group, int begin, int end, float* right, int start, int column, float* sums, bool accumulate) where V : unmanaged, IVector<V>
    {
        var (first, from, to) = (group * PairTiles.Rows, begin / 2, (end + 1) / 2);
        var tile = accumulate ? tiles.MoreSums : tiles.Sums;
        tile.Multiply(to - from, (uint*)left + first * PairsOfBlock + from, (uint*)right + (nint)(start / 2 + from) * tiles.Size + column, sums + first * tiles.Size + column);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void MultiplyTransposed<V>(float* left, int key, int from, int to, float* right, int column, float* sums) where V : unmanaged, IVector<V>
    {
        (from, to) = (from / 2, (to + 1) / 2);
        tiles.MoreSumsOfKeys.Multiply(to - from, (uint*)left + from * KeyPack.Block + key, (uint*)right + from * tiles.Size + column, sums + column);
    }

    private static uint* Panel(float* panels, int key, int headSize) => (uint*)panels + (nint)key * ((headSize + 1) / 2);
}
