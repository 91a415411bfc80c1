using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>
/// Attention of few queries to many keys, as in generation, where a tile of queries would be almost empty: a group makes the results of one query and one head, and its lanes share out
/// the keys (as flash-decoding does; Dao et al., 2023).
/// </summary>
internal static class AttentionDecodingKernels
{
    /// <summary>The most queries of a sequence that are worth a group each: more of them share what a tile reads.</summary>
    public const int MostQueries = 4;

    // Lanes beside each other that share the product of the query with one key, so that they read numbers beside each other; a group has at least so many.
    private const int LanesOfKey = 8;

    // One more, so that the parts of keys beside each other lie in different banks.
    private const int PartPitch = LanesOfKey + 1;

    /// <summary>Over as many keys at a time as the group has lanes, with a softmax whose reference grows on the way. The grid is (sequences, heads, most queries of a sequence).</summary>
    /// <param name="q">(tokens, heads, headSize).</param>
    /// <param name="k">(keys, keyHeads, headSize).</param>
    /// <param name="v">(keys, keyHeads, headSize).</param>
    /// <param name="y">(tokens, heads, headSize).</param>
    /// <param name="logSumExp">(tokens, heads), or empty.</param>
    /// <param name="segments">The sequences, of <see cref="MostQueries"/> queries at most.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="lanesOfRow">Lanes that share a row of v: a power of two, no more than the group has.</param>
    public static void Attention<T>(
        ArrayView<T> q, ArrayView<T> k, ArrayView<T> v, ArrayView<T> y, ArrayView<float> logSumExp, ArrayView<Segment> segments, AttentionShape shape, int lanesOfRow)
        where T : unmanaged, IElement<T>
    {
        var query = SharedMemory.Allocate<float>(AttentionTiles.LargestHead);
        var parts = SharedMemory.Allocate<float>(Reduction.LargestGroup * PartPitch);
        var probabilities = SharedMemory.Allocate<float>(Reduction.LargestGroup);
        var results = SharedMemory.Allocate<float>(AttentionTiles.LargestHead > Reduction.LargestGroup ? AttentionTiles.LargestHead : Reduction.LargestGroup);

        var (lane, lanes) = (Group.IdxX, Group.DimX);
        var (slice, slices) = (lane / lanesOfRow, lanes / lanesOfRow); // of the keys, each with results of its own
        var segment = segments[Grid.IdxX];
        var (head, i) = (Grid.IdxY, Grid.IdxZ);
        var keys = shape.Keys(k, segment, head / shape.Group);
        var values = shape.Keys(v, segment, head / shape.Group);
        var queries = shape.Queries(q, segment, head);
        for (var d = lane; d < shape.HeadSize; d += lanes) query[d] = queries.Read(i, d, shape.HeadSize);
        for (var d = lane % lanesOfRow; d < shape.HeadSize; d += lanesOfRow) results[slice * shape.HeadSize + d] = 0;
        Group.Barrier();

        var largest = float.NegativeInfinity;
        var total = 0f; // of the keys of this lane
        var end = i < segment.QueryCount ? segment.Visible(i) : 0;
        for (var firstKey = segment.FirstKey(i, shape.Window); firstKey < end; firstKey += lanes)
        {
            var count = end - firstKey < lanes ? end - firstKey : lanes;
            for (var j = lane / LanesOfKey; j < lanes; j += lanes / LanesOfKey)
            {
                var part = 0f;
                if (j < count)
                {
                    for (var d = lane % LanesOfKey; d < shape.HeadSize; d += LanesOfKey) part += query[d] * keys.Element(firstKey + j, d);
                }

                parts[j * PartPitch + lane % LanesOfKey] = part;
            }

            Group.Barrier();
            var product = 0f;
            for (var part = 0; part < LanesOfKey; part++) product += parts[lane * PartPitch + part];
            var score = segment.Sees(i, firstKey + lane, shape.Window) ? shape.Score(product) : float.NegativeInfinity;
            var before = largest;
            var reference = Reduction.Max(score);
            if (reference > largest) largest = reference;

            // Where no key was seen so far, the reference is −∞ and would be subtracted from itself.
            var finite = largest > float.NegativeInfinity ? largest : 0;
            var factor = DeviceMath.Exp(before - finite);
            var probability = DeviceMath.Exp(score - finite);
            probabilities[lane] = probability;
            total = total * factor + probability;
            Group.Barrier();
            for (var d = lane % lanesOfRow; d < shape.HeadSize; d += lanesOfRow)
            {
                var sum = 0f;
                for (var j = slice; j < count; j += slices) sum += probabilities[j] * values.Element(firstKey + j, d);
                results[slice * shape.HeadSize + d] = results[slice * shape.HeadSize + d] * factor + sum;
            }
        }

        var all = Reduction.Sum(total);
        if (i >= segment.QueryCount) return;
        var rows = shape.Queries(y, segment, head);
        for (var d = lane; d < shape.HeadSize; d += lanes)
        {
            var sum = 0f;
            for (var part = 0; part < slices; part++) sum += results[part * shape.HeadSize + d];
            rows.Write(i, d, sum / all);
        }

        if (lane == 0 && logSumExp.IntLength > 0) logSumExp[shape.Row(segment, i, head)] = DeviceMath.Log(all) + largest;
    }
}
