using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class AttentionKernels
{
    /// <summary>A group makes the results of one head of a tile of queries: over tiles of keys, with a softmax whose reference grows on the way.</summary>
    public static void Attention<T>(
        ArrayView<T> q, ArrayView<T> k, ArrayView<T> v, ArrayView<T> y, ArrayView<float> logSumExp, ArrayView<Segment> segments, AttentionShape shape)
        where T : unmanaged, IElement<T>
    {
        var left = SharedMemory.Allocate<float>(Tile.Length);
        var right = SharedMemory.Allocate<float>(Tile.Length);
        var probabilities = SharedMemory.Allocate<float>(Tile.Length);
        var results = SharedMemory.Allocate<float>(AttentionTiles.ResultsLength);
        var largest = SharedMemory.Allocate<float>(Tile.Size);
        var totals = SharedMemory.Allocate<float>(Tile.Size);
        var factors = SharedMemory.Allocate<float>(Tile.Size);

        var segment = segments[Grid.IdxX];
        var head = Grid.IdxY;
        var firstQuery = segment.First;
        var queries = shape.Queries(q, segment, head);
        var keys = shape.Keys(k, segment, head / shape.Group);
        var values = shape.Keys(v, segment, head / shape.Group);

        var i = Tile.Lane; // the row whose softmax this lane keeps, if there is one
        if (i < Tile.Size)
        {
            largest[i] = float.NegativeInfinity;
            totals[i] = 0;
        }

        AttentionTiles.Clear(results, shape.HeadSize);
        var count = Tile.Count(segment.QueryCount, firstQuery);
        var end = segment.Visible(firstQuery + count - 1);
        for (var firstKey = segment.FirstKey(firstQuery, shape.Window); firstKey < end; firstKey += Tile.Size)
        {
            Tile.StoreAcross(probabilities, AttentionTiles.Products(queries, firstQuery, keys, firstKey, shape.HeadSize, left, right));
            Group.Barrier();
            if (i < Tile.Size)
            {
                var before = largest[i];
                var reference = before;
                for (var j = 0; j < Tile.Size; j++)
                {
                    var sees = segment.Sees(firstQuery + i, firstKey + j, shape.Window);
                    var score = sees ? shape.Score(probabilities[j * Tile.Pitch + i]) : float.NegativeInfinity;
                    probabilities[j * Tile.Pitch + i] = score;
                    if (score > reference) reference = score;
                }

                // Of a row that has seen no key so far, the reference is −∞ and would be subtracted from itself.
                var finite = reference > float.NegativeInfinity ? reference : 0;
                var total = 0f;
                for (var j = 0; j < Tile.Size; j++)
                {
                    var probability = DeviceMath.Exp(probabilities[j * Tile.Pitch + i] - finite);
                    probabilities[j * Tile.Pitch + i] = probability;
                    total += probability;
                }

                factors[i] = DeviceMath.Exp(before - finite);
                largest[i] = reference;
                totals[i] = totals[i] * factors[i] + total;
            }

            Group.Barrier();
            AttentionTiles.Scale(results, factors, shape.HeadSize);
            AttentionTiles.AddProducts(probabilities, values, firstKey, shape.HeadSize, results, right);
        }

        if (i < count)
        {
            factors[i] = 1 / totals[i];
            if (logSumExp.IntLength > 0) logSumExp[shape.Row(segment, firstQuery + i, head)] = DeviceMath.Log(totals[i]) + largest[i];
        }

        Group.Barrier();
        AttentionTiles.Scale(results, factors, shape.HeadSize);
        Group.Barrier();
        AttentionTiles.Write(results, shape.Queries(y, segment, head), firstQuery, count, shape.HeadSize);
    }
}
