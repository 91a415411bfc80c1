using QLora.Backends;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>Attention of a single query, as in generation: keys and values are read once where they lie, since packing them would cost more than the products.</summary>
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
    /// <param name="scores">Scratch for as many numbers as there are keys.</param>
    public static void Run<V>(in AttentionOperands o, AttentionSegment segment, int head, int i, float* y, float* logSumExp, float* scores)
        where V : unmanaged, IVector<V>
    {
        var visible = segment.KeyCount - segment.QueryCount + i + 1;
        var query = o.QueryHead(o.Q, segment, head) + i * o.QueryStride;
        var keys = o.KeyHead(o.K, segment, o.KeyHeadOf(head));
        for (var j = 0; j < visible; j++) scores[j] = o.Scale * VectorMath.Dot<V>(query, keys + j * o.KeyStride, o.HeadSize);

        var largest = VectorMath.Max<V>(scores, visible);
        var total = VectorMath.ExpAndSum<V>(scores, visible, largest);
        if (logSumExp != null) logSumExp[(nint)(segment.QueryStart + i) * o.Heads + head] = largest + MathF.Log(total);

        var values = o.KeyHead(o.V, segment, o.KeyHeadOf(head));
        var result = o.QueryHead(y, segment, head) + i * o.QueryStride;
        var c = 0;
        for (; c <= o.HeadSize - 4 * V.Count; c += 4 * V.Count) FourVectors<V>(scores, visible, values + c, o.KeyStride, 1 / total, result + c);
        for (; c <= o.HeadSize - V.Count; c += V.Count) OneVector<V>(scores, visible, values + c, o.KeyStride, 1 / total, result + c);
        for (; c < o.HeadSize; c++) OneVector<Float1>(scores, visible, values + c, o.KeyStride, 1 / total, result + c);
    }

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

    private static void OneVector<V>(float* weights, int count, float* values, nint stride, float factor, float* result) where V : unmanaged, IVector<V>
    {
        var sum = V.Create(0f);
        for (var j = 0; j < count; j++, values += stride) sum = V.FusedMultiplyAdd(V.Create(weights[j]), V.Load(values), sum);
        (sum * V.Create(factor)).Store(result);
    }
}
