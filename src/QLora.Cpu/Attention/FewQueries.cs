using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// Attention of a single query, as in generation: keys and values are read once where they lie, since packing them would cost more than the
/// products.
/// </summary>
internal static unsafe class FewQueries
{
    /// <summary>Segments with fewer queries than this go query by query.</summary>
    public const int Limit = 8;

    /// <summary>Computes query <paramref name="i"/> of a segment's head.</summary>
    /// <param name="o">The op's operands.</param>
    /// <param name="segment">The sequence.</param>
    /// <param name="head">The query head.</param>
    /// <param name="i">The query within the segment.</param>
    /// <param name="y">The whole result.</param>
    /// <param name="logSumExp">The whole (tokens, heads), or null.</param>
    /// <param name="scores">Scratch for as many numbers as it sees keys.</param>
    [MethodImpl(Hot.Loop)]
    public static void Run<V>(in AttentionOperands o, AttentionSegment segment, int head, int i, float* y, float* logSumExp, float* scores)
        where V : unmanaged, IVector<V>
    {
        var end = segment.KeyCount - segment.QueryCount + i + 1;
        var visible = Math.Min(end, o.WindowOf(segment));
        var firstKey = (end - visible) * o.KeyStride;
        var query = o.QueryHead(o.Q, segment, head) + i * o.QueryStride;
        var keys = o.KeyHead(o.K, segment, o.KeyHeadOf(head)) + firstKey;
        var j = 0;
        for (; j <= visible - 4; j += 4) FourScores<V>(query, keys + j * o.KeyStride, o.KeyStride, o.HeadSize, o.Scale, scores + j);
        for (; j < visible; j++) scores[j] = o.Scale * VectorMath.Dot<V>(query, keys + j * o.KeyStride, o.HeadSize);
        if (o.SoftCap > 0) VectorMath.SoftCap<V>(scores, visible, o.SoftCap);

        var largest = VectorMath.Max<V>(scores, visible);
        var total = VectorMath.ExpAndSum<V>(scores, visible, largest);
        if (logSumExp != null) logSumExp[(nint)(segment.QueryStart + i) * o.Heads + head] = largest + MathF.Log(total);

        var values = o.KeyHead(o.V, segment, o.KeyHeadOf(head)) + firstKey;
        var result = o.QueryHead(y, segment, head) + i * o.QueryStride;
        var c = 0;
        for (; c <= o.HeadSize - 4 * V.Count; c += 4 * V.Count) FourVectors<V>(scores, visible, values + c, o.KeyStride, 1 / total, result + c);
        for (; c <= o.HeadSize - V.Count; c += V.Count) OneVector<V>(scores, visible, values + c, o.KeyStride, 1 / total, result + c);
        for (; c < o.HeadSize; c++) OneVector<Float1>(scores, visible, values + c, o.KeyStride, 1 / total, result + c);
    }

    /// <summary>The scores of four keys, whose sums do not wait for each other.</summary>
    [MethodImpl(Hot.Loop)]
    private static void FourScores<V>(float* query, float* key0, nint stride, int headSize, float scale, float* scores) where V : unmanaged, IVector<V>
    {
        var key1 = key0 + stride;
        var key2 = key1 + stride;
        var key3 = key2 + stride;
        V sums0 = V.Create(0f), sums1 = sums0, sums2 = sums0, sums3 = sums0;
        var c = 0;
        for (; c <= headSize - V.Count; c += V.Count)
        {
            var q = V.Load(query + c);
            sums0 = V.FusedMultiplyAdd(q, V.Load(key0 + c), sums0);
            sums1 = V.FusedMultiplyAdd(q, V.Load(key1 + c), sums1);
            sums2 = V.FusedMultiplyAdd(q, V.Load(key2 + c), sums2);
            sums3 = V.FusedMultiplyAdd(q, V.Load(key3 + c), sums3);
        }

        var (sum0, sum1, sum2, sum3) = (V.Sum(sums0), V.Sum(sums1), V.Sum(sums2), V.Sum(sums3));
        for (; c < headSize; c++)
        {
            sum0 += query[c] * key0[c];
            sum1 += query[c] * key1[c];
            sum2 += query[c] * key2[c];
            sum3 += query[c] * key3[c];
        }

        scores[0] = scale * sum0;
        scores[1] = scale * sum1;
        scores[2] = scale * sum2;
        scores[3] = scale * sum3;
    }

    [MethodImpl(Hot.Loop)]
    private static void FourVectors<V>(float* weights, int count, float* values, nint stride, float factor, float* result) where V : unmanaged, IVector<V>
    {
        V sum0 = V.Create(0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (var j = 0; j < count; j++, values += stride)
        {
            var weight = V.Create(weights[j]);
            sum0 = V.FusedMultiplyAdd(weight, V.Load(values), sum0);
            sum1 = V.FusedMultiplyAdd(weight, V.Load(values + V.Count), sum1);
            sum2 = V.FusedMultiplyAdd(weight, V.Load(values + 2 * V.Count), sum2);
            sum3 = V.FusedMultiplyAdd(weight, V.Load(values + 3 * V.Count), sum3);
        }

        (sum0 * V.Create(factor)).Store(result);
        (sum1 * V.Create(factor)).Store(result + V.Count);
        (sum2 * V.Create(factor)).Store(result + 2 * V.Count);
        (sum3 * V.Create(factor)).Store(result + 3 * V.Count);
    }

    [MethodImpl(Hot.Loop)]
    private static void OneVector<V>(float* weights, int count, float* values, nint stride, float factor, float* result) where V : unmanaged, IVector<V>
    {
        var sum = V.Create(0f);
        for (var j = 0; j < count; j++, values += stride) sum = V.FusedMultiplyAdd(V.Create(weights[j]), V.Load(values), sum);
        (sum * V.Create(factor)).Store(result);
    }
}
