using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>
/// The gradients of attention, each by a kernel of its own: what a group adds up fits its memory, and no two groups add to the same element. The scores of a
/// tile of queries and a tile of keys are computed again for each.
/// </summary>
internal static class AttentionBackwardKernels
{
    /// <summary>dots[t, h] ← dy[t, h] · y[t, h]: a lane for each.</summary>
    public static void Dots<T>(ArrayView<T> dy, ArrayView<T> y, ArrayView<float> dots, int headSize) where T : unmanaged, IElement<T>
    {
        var row = Grid.GlobalIndex.X;
        if (row >= dots.IntLength) return;
        var sum = 0f;
        for (var d = row * headSize; d < (row + 1) * headSize; d++) sum += dy[d].Widen() * y[d].Widen();
        dots[row] = sum;
    }

    /// <summary>A group makes dk or dv of one head of a tile of keys: sums over all queries that see them, of the query heads that share the key head.</summary>
    public static void KeyOrValueGradient<T, TSide>(
        ArrayView<T> q, ArrayView<T> k, ArrayView<T> v, ArrayView<float> logSumExp, ArrayView<T> dy, ArrayView<float> dots, ArrayView<T> result,
        ArrayView<Segment> segments, AttentionShape shape) where T : unmanaged, IElement<T> where TSide : struct, IKeySide
    {
        var left = SharedMemory.Allocate<float>(Tile.Length);
        var right = SharedMemory.Allocate<float>(Tile.Length);
        var weights = SharedMemory.Allocate<float>(Tile.Length);
        var results = SharedMemory.Allocate<float>(AttentionTiles.ResultsLength);
        var segment = segments[Grid.IdxX];
        var firstKey = segment.First;
        var keys = shape.Keys(k, segment, Grid.IdxY);
        var values = shape.Keys(v, segment, Grid.IdxY);
        AttentionTiles.Clear(results, shape.HeadSize);
        for (var head = Grid.IdxY * shape.Group; head < (Grid.IdxY + 1) * shape.Group; head++)
        {
            var queries = shape.Queries(q, segment, head);
            var gradients = shape.Queries(dy, segment, head);
            for (var firstQuery = firstKey; firstQuery < LastQuery(segment, firstKey, shape.Window); firstQuery += Tile.Size)
            {
                Tile.StoreAlong(weights, AttentionTiles.Products(queries, firstQuery, keys, firstKey, shape.HeadSize, left, right));
                if (TSide.IsKey) Tile.StoreAlong(left, AttentionTiles.Products(gradients, firstQuery, values, firstKey, shape.HeadSize, left, right));
                Group.Barrier();
                for (var i = Group.IdxY; i < Tile.Size; i += Tile.Lanes)
                {
                    for (var j = Group.IdxX; j < Tile.Size; j += Tile.Lanes)
                    {
                        var at = i * Tile.Pitch + j;
                        weights[at] = TSide.IsKey
                            ? ScoreGradient(weights[at], left[at], logSumExp, dots, segment, shape, firstQuery + i, firstKey + j, head)
                            : Probability(shape.Score(weights[at]), logSumExp, segment, shape, firstQuery + i, firstKey + j, head);
                    }
                }

                AttentionTiles.AddProducts(weights, TSide.IsKey ? queries : gradients, firstQuery, shape.HeadSize, results, right);
            }
        }

        Group.Barrier();
        AttentionTiles.Write(results, shape.Keys(result, segment, Grid.IdxY), firstKey, Tile.Count(segment.KeyCount, firstKey), shape.HeadSize);
    }

    /// <summary>A group makes dq of one head of a tile of queries.</summary>
    public static void QueryGradient<T>(
        ArrayView<T> q, ArrayView<T> k, ArrayView<T> v, ArrayView<float> logSumExp, ArrayView<T> dy, ArrayView<float> dots, ArrayView<T> dq,
        ArrayView<Segment> segments, AttentionShape shape) where T : unmanaged, IElement<T>
    {
        var left = SharedMemory.Allocate<float>(Tile.Length);
        var right = SharedMemory.Allocate<float>(Tile.Length);
        var scores = SharedMemory.Allocate<float>(Tile.Length);
        var results = SharedMemory.Allocate<float>(AttentionTiles.ResultsLength);
        var segment = segments[Grid.IdxX];
        var head = Grid.IdxY;
        var firstQuery = segment.First;
        var keys = shape.Keys(k, segment, head / shape.Group);
        var values = shape.Keys(v, segment, head / shape.Group);
        var queries = shape.Queries(q, segment, head);
        var gradients = shape.Queries(dy, segment, head);
        AttentionTiles.Clear(results, shape.HeadSize);
        var count = Tile.Count(segment.QueryCount, firstQuery);
        for (var firstKey = segment.FirstKey(firstQuery, shape.Window); firstKey < segment.Visible(firstQuery + count - 1); firstKey += Tile.Size)
        {
            Tile.StoreAcross(scores, AttentionTiles.Products(queries, firstQuery, keys, firstKey, shape.HeadSize, left, right));
            var products = AttentionTiles.Products(gradients, firstQuery, values, firstKey, shape.HeadSize, left, right);
            Tile.StoreAcross(left, products);
            Group.Barrier();
            for (var i = Group.IdxY; i < Tile.Size; i += Tile.Lanes)
            {
                for (var j = Group.IdxX; j < Tile.Size; j += Tile.Lanes)
                {
                    var at = j * Tile.Pitch + i;
                    scores[at] = ScoreGradient(scores[at], left[at], logSumExp, dots, segment, shape, firstQuery + i, firstKey + j, head);
                }
            }

            AttentionTiles.AddProducts(scores, keys, firstKey, shape.HeadSize, results, right);
        }

        Group.Barrier();
        AttentionTiles.Write(results, shape.Queries(dq, segment, head), firstQuery, count, shape.HeadSize);
    }

    /// <summary>Scale · ds of a query and a key, from the products q · k and dy · v.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float ScoreGradient(
        float product, float gradientProduct, ArrayView<float> logSumExp, ArrayView<float> dots, Segment segment, AttentionShape shape, int i, int j, int head)
    {
        var score = shape.Score(product);
        var probability = Probability(score, logSumExp, segment, shape, i, j, head);
        if (probability == 0) return 0;
        var gradient = shape.Scale * probability * (gradientProduct - dots[shape.Row(segment, i, head)]);
        return shape.SoftCap > 0 ? gradient * (1 - score / shape.SoftCap * (score / shape.SoftCap)) : gradient;
    }

    private static float Probability(float score, ArrayView<float> logSumExp, Segment segment, AttentionShape shape, int i, int j, int head) =>
        segment.Sees(i, j, shape.Window) ? DeviceMath.Exp(score - logSumExp[shape.Row(segment, i, head)]) : 0;

    /// <summary>The query after the last one that sees any of a tile of keys. There is no cache here: query i is key i.</summary>
    private static int LastQuery(Segment segment, int firstKey, int window) =>
        window == 0 || segment.QueryCount - firstKey < Tile.Size + window ? segment.QueryCount : firstKey + Tile.Size + window - 1;
}

/// <summary>Which of the two gradients that sum over queries, known when the kernel is compiled.</summary>
internal interface IKeySide
{
    /// <summary>dk = Σ ds · q; else dv = Σ p · dy, which reads neither v nor the dots.</summary>
    static abstract bool IsKey { get; }
}

/// <summary>The gradient of the keys.</summary>
internal readonly struct KeySide : IKeySide
{
    public static bool IsKey => true;
}

/// <summary>The gradient of the values.</summary>
internal readonly struct ValueSide : IKeySide
{
    public static bool IsKey => false;
}
