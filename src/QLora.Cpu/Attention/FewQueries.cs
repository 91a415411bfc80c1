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
    public static void Run<V, TFormat>(in AttentionOperands o, AttentionSegment segment, int head, int i, byte* y, float* logSumExp, float* scores)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var end = segment.KeyCount - segment.QueryCount + i + 1;
        var visible = Math.Min(end, o.WindowOf(segment));
        var query = o.QueryHead<TFormat>(o.Q, segment, head, i);
        var keys = o.KeyHead<TFormat>(o.K, segment, o.KeyHeadOf(head), end - visible);
        var keyBytes = o.KeyStride * TFormat.Size;
        var j = 0;
        for (; j <= visible - 4; j += 4) FourScores<V, TFormat>(query, keys + j * keyBytes, keyBytes, o.HeadSize, o.Scale, scores + j);
        for (; j < visible; j++) scores[j] = o.Scale * VectorMath.Dot<V, TFormat>(query, keys + j * keyBytes, o.HeadSize);
        if (o.SoftCap > 0) VectorMath.SoftCap<V>(scores, visible, o.SoftCap);

        var largest = VectorMath.Max<V>(scores, visible);
        var total = VectorMath.ExpAndSum<V>(scores, visible, largest);
        if (logSumExp != null) logSumExp[(nint)(segment.QueryStart + i) * o.Heads + head] = largest + MathF.Log(total);

        var values = o.KeyHead<TFormat>(o.V, segment, o.KeyHeadOf(head), end - visible);
        var result = o.QueryHead<TFormat>(y, segment, head, i);
        var c = 0;
        for (; c <= o.HeadSize - 4 * V.Count; c += 4 * V.Count) FourVectors<V, TFormat>(scores, visible, values, c, keyBytes, 1 / total, result);
        for (; c <= o.HeadSize - V.Count; c += V.Count) OneVector<V, TFormat>(scores, visible, values, c, keyBytes, 1 / total, result);
        for (; c < o.HeadSize; c++) OneVector<Float1, TFormat>(scores, visible, values, c, keyBytes, 1 / total, result);
    }

    /// <summary>The scores of four keys, whose sums do not wait for each other.</summary>
    [MethodImpl(Hot.Loop)]
    private static void FourScores<V, TFormat>(byte* query, byte* key0, nint keyBytes, int headSize, float scale, float* scores)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var key1 = key0 + keyBytes;
        var key2 = key1 + keyBytes;
        var key3 = key2 + keyBytes;
        V sums0 = V.Create(0f), sums1 = sums0, sums2 = sums0, sums3 = sums0;
        var c = 0;
        for (; c <= headSize - V.Count; c += V.Count)
        {
            var q = TFormat.Load<V>(query, c);
            sums0 = V.FusedMultiplyAdd(q, TFormat.Load<V>(key0, c), sums0);
            sums1 = V.FusedMultiplyAdd(q, TFormat.Load<V>(key1, c), sums1);
            sums2 = V.FusedMultiplyAdd(q, TFormat.Load<V>(key2, c), sums2);
            sums3 = V.FusedMultiplyAdd(q, TFormat.Load<V>(key3, c), sums3);
        }

        (scores[0], scores[1], scores[2], scores[3]) = (V.Sum(sums0), V.Sum(sums1), V.Sum(sums2), V.Sum(sums3));
        for (; c < headSize; c++)
        {
            var q = TFormat.Load<Float1>(query, c);
            scores[0] += Float1.Sum(q * TFormat.Load<Float1>(key0, c));
            scores[1] += Float1.Sum(q * TFormat.Load<Float1>(key1, c));
            scores[2] += Float1.Sum(q * TFormat.Load<Float1>(key2, c));
            scores[3] += Float1.Sum(q * TFormat.Load<Float1>(key3, c));
        }

        (Float4.Load(scores) * Float4.Create(scale)).Store(scores);
    }

    [MethodImpl(Hot.Loop)]
    private static void FourVectors<V, TFormat>(float* weights, int count, byte* values, int first, nint keyBytes, float factor, byte* result)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        V sum0 = V.Create(0f), sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (var j = 0; j < count; j++, values += keyBytes)
        {
            var weight = V.Create(weights[j]);
            sum0 = V.FusedMultiplyAdd(weight, TFormat.Load<V>(values, first), sum0);
            sum1 = V.FusedMultiplyAdd(weight, TFormat.Load<V>(values, first + V.Count), sum1);
            sum2 = V.FusedMultiplyAdd(weight, TFormat.Load<V>(values, first + 2 * V.Count), sum2);
            sum3 = V.FusedMultiplyAdd(weight, TFormat.Load<V>(values, first + 3 * V.Count), sum3);
        }

        TFormat.Store(result, first, sum0 * V.Create(factor));
        TFormat.Store(result, first + V.Count, sum1 * V.Create(factor));
        TFormat.Store(result, first + 2 * V.Count, sum2 * V.Create(factor));
        TFormat.Store(result, first + 3 * V.Count, sum3 * V.Create(factor));
    }

    [MethodImpl(Hot.Loop)]
    private static void OneVector<V, TFormat>(float* weights, int count, byte* values, int first, nint keyBytes, float factor, byte* result)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var sum = V.Create(0f);
        for (var j = 0; j < count; j++, values += keyBytes) sum = V.FusedMultiplyAdd(V.Create(weights[j]), TFormat.Load<V>(values, first), sum);
        TFormat.Store(result, first, sum * V.Create(factor));
    }
}
