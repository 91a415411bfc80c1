using QLora.Tensors;

namespace QLora.Backends;

/// <summary>One sequence within a batch: where its queries and its keys stand, and how many there are of each.</summary>
/// <param name="QueryStart">First row of its queries.</param>
/// <param name="QueryCount">Number of queries, at least 1.</param>
/// <param name="KeyStart">First row of its keys and values.</param>
/// <param name="KeyCount">Number of keys, at least <see cref="QueryCount"/>: those before came from the cache.</param>
public readonly record struct AttentionSegment(int QueryStart, int QueryCount, int KeyStart, int KeyCount);

public abstract partial class Backend
{
    /// <summary>
    /// Causal attention with grouped heads: per segment and head, <c>y[i] = Σ_j softmax_j(scale · q[i]·k[j]) · v[j]</c> over the keys
    /// j ≤ i + (KeyCount − QueryCount). Query head h reads key head h / (heads / keyHeads). The scores of a whole sequence never exist at once
    /// (online softmax; Dao et al., arXiv:2205.14135).
    /// </summary>
    /// <param name="q">(tokens, heads, headSize) Float32.</param>
    /// <param name="k">(keys, keyHeads, headSize) Float32; heads is a multiple of keyHeads.</param>
    /// <param name="v">(keys, keyHeads, headSize) Float32.</param>
    /// <param name="y">(tokens, heads, headSize) Float32.</param>
    /// <param name="logSumExp">(tokens, heads) Float32, the log of each row's softmax sum, which the backward pass needs; null when there is none.</param>
    /// <param name="segments">The sequences; their query rows do not overlap.</param>
    /// <param name="scale">Factor of the scores, usually 1 / sqrt(headSize).</param>
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, float scale)
    {
        const string Op = nameof(Attention);
        CheckAttention(Op, q, k, v, segments);
        Check.SameAs(Op, nameof(y), y, q);
        if (logSumExp is { } lse) Check.Is(Op, nameof(logSumExp), lse, DType.Float32, q.Shape[0], q.Shape[1]);
        AttentionCore(q, k, v, y, logSumExp, segments, scale);
    }

    /// <summary>
    /// The gradients of <see cref="Attention"/>. With p the probabilities, recomputed from <paramref name="logSumExp"/>, and D = Σ dy · y per row and head:
    /// <c>dv[j] = Σ_i p[i,j] · dy[i]</c>; <c>ds[i,j] = p[i,j] · (dy[i]·v[j] − D[i])</c>; <c>dq[i] = scale · Σ_j ds[i,j] · k[j]</c>;
    /// <c>dk[j] = scale · Σ_i ds[i,j] · q[i]</c>.
    /// </summary>
    /// <param name="q">(tokens, heads, headSize) Float32.</param>
    /// <param name="k">(tokens, keyHeads, headSize) Float32.</param>
    /// <param name="v">(tokens, keyHeads, headSize) Float32.</param>
    /// <param name="y">(tokens, heads, headSize) Float32, the forward's result.</param>
    /// <param name="logSumExp">(tokens, heads) Float32, from the forward.</param>
    /// <param name="dy">(tokens, heads, headSize) Float32.</param>
    /// <param name="dq">(tokens, heads, headSize) Float32, overwritten.</param>
    /// <param name="dk">(tokens, keyHeads, headSize) Float32, overwritten.</param>
    /// <param name="dv">(tokens, keyHeads, headSize) Float32, overwritten.</param>
    /// <param name="segments">As in the forward, with as many keys as queries: there is no cache in training.</param>
    /// <param name="scale">As in the forward.</param>
    public void AttentionBackward(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, float scale)
    {
        const string Op = nameof(AttentionBackward);
        CheckAttention(Op, q, k, v, segments);
        Check.Is(Op, nameof(logSumExp), logSumExp, DType.Float32, q.Shape[0], q.Shape[1]);
        Check.SameAs(Op, nameof(y), y, q);
        Check.SameAs(Op, nameof(dy), dy, q);
        Check.SameAs(Op, nameof(dq), dq, q);
        Check.SameAs(Op, nameof(dk), dk, k);
        Check.SameAs(Op, nameof(dv), dv, v);
        foreach (var segment in segments)
        {
            Check.That(segment.QueryStart == segment.KeyStart && segment.QueryCount == segment.KeyCount, Op, $"{segment} has keys from a cache");
        }

        AttentionBackwardCore(q, k, v, y, logSumExp, dy, dq, dk, dv, segments, scale);
    }

    private static void CheckAttention(string op, Tensor q, Tensor k, Tensor v, ReadOnlySpan<AttentionSegment> segments)
    {
        Check.That(q.DType == DType.Float32 && q.Shape.Rank == 3, op, $"q is {q}, expected Float32 (tokens, heads, headSize)");
        Check.That(k.DType == DType.Float32 && k.Shape.Rank == 3 && k.Shape[2] == q.Shape[2] && k.Shape[1] > 0 && q.Shape[1] % k.Shape[1] == 0, op,
            $"k is {k}, expected Float32 (keys, keyHeads, headSize) with q {q}");
        Check.SameAs(op, nameof(v), v, k);
        foreach (var s in segments)
        {
            Check.That(s.QueryCount >= 1 && s.KeyCount >= s.QueryCount && s.QueryStart >= 0 && s.KeyStart >= 0
                && s.QueryStart <= q.Rows - s.QueryCount && s.KeyStart <= k.Rows - s.KeyCount, op, $"{s} leaves q {q} or k {k}");
        }
    }

    /// <summary>Backend part of <see cref="Attention"/>; shapes are checked.</summary>
    protected abstract void AttentionCore(Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, float scale);

    /// <summary>Backend part of <see cref="AttentionBackward"/>; shapes are checked.</summary>
    protected abstract void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, float scale);
}
