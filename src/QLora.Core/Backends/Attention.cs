using QLora.Tensors;

namespace QLora.Backends;

/// <summary>One sequence within a batch: where its queries and its keys stand, and how many there are of each.</summary>
/// <param name="QueryStart">First row of its queries.</param>
/// <param name="QueryCount">Number of queries, at least 1.</param>
/// <param name="KeyStart">First row of its keys and values.</param>
/// <param name="KeyCount">Number of keys, at least <see cref="QueryCount"/>: those before came from the cache.</param>
public readonly record struct AttentionSegment(int QueryStart, int QueryCount, int KeyStart, int KeyCount);

/// <summary>What the scores of attention become before the softmax, and which of them there are.</summary>
/// <param name="Scale">Factor of the scores, usually 1 / sqrt(headSize); above 0.</param>
/// <param name="Window">
/// How many keys a query sees at most, its own among them, as transformers' sliding_window; 0 for all before it.
/// </param>
/// <param name="SoftCap">What scores stay below: s becomes SoftCap · tanh(s / SoftCap) (Gemma 2, arXiv:2408.00118); 0 for no limit.</param>
public readonly record struct AttentionOptions(float Scale, int Window = 0, float SoftCap = 0);

public abstract partial class Backend
{
    /// <summary>
    /// Causal attention with grouped heads: per segment and head, <c>y[i] = Σ_j softmax_j(s[i,j]) · v[j]</c> with <c>s[i,j] = Scale · q[i]·k[j]</c>, or
    /// <c>SoftCap · tanh(Scale · q[i]·k[j] / SoftCap)</c> where there is a cap, over the keys j ≤ i' = i + (KeyCount − QueryCount), and where there is
    /// a window i' − j &lt; Window. Query head h reads key head h / (heads / keyHeads). The scores of a whole sequence never exist at once
    /// (online softmax; Dao et al., arXiv:2205.14135).
    /// </summary>
    /// <param name="q">(tokens, heads, headSize) activations.</param>
    /// <param name="k">(keys, keyHeads, headSize) activations; heads is a multiple of keyHeads.</param>
    /// <param name="v">(keys, keyHeads, headSize) activations.</param>
    /// <param name="y">(tokens, heads, headSize) activations.</param>
    /// <param name="logSumExp">(tokens, heads) Float32, the log of each row's softmax sum, which the backward pass needs; null when there is none.</param>
    /// <param name="segments">The sequences; their query rows do not overlap.</param>
    /// <param name="options">Scale, window and cap of the scores.</param>
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        const string Op = nameof(Attention);
        CheckAttention(Op, q, k, v, segments, options);
        Check.SameAs(Op, nameof(y), y, q);
        if (logSumExp is { } lse) Check.Is(Op, nameof(logSumExp), lse, DType.Float32, q.Shape[0], q.Shape[1]);
        AttentionCore(q, k, v, y, logSumExp, segments, options);
    }

    /// <summary>
    /// The gradients of <see cref="Attention"/>. With p the probabilities, recomputed from <paramref name="logSumExp"/>, and D = Σ dy · y per row and head:
    /// <c>dv[j] = Σ_i p[i,j] · dy[i]</c>; <c>ds[i,j] = p[i,j] · (dy[i]·v[j] − D[i])</c>, times <c>1 − (s[i,j] / SoftCap)²</c> where there is a cap;
    /// <c>dq[i] = Scale · Σ_j ds[i,j] · k[j]</c>; <c>dk[j] = Scale · Σ_i ds[i,j] · q[i]</c>.
    /// </summary>
    /// <param name="q">(tokens, heads, headSize) activations.</param>
    /// <param name="k">(tokens, keyHeads, headSize) activations.</param>
    /// <param name="v">(tokens, keyHeads, headSize) activations.</param>
    /// <param name="y">(tokens, heads, headSize) activations, the forward's result.</param>
    /// <param name="logSumExp">(tokens, heads) Float32, from the forward.</param>
    /// <param name="dy">(tokens, heads, headSize) activations.</param>
    /// <param name="dq">(tokens, heads, headSize) activations, overwritten.</param>
    /// <param name="dk">(tokens, keyHeads, headSize) activations, overwritten.</param>
    /// <param name="dv">(tokens, keyHeads, headSize) activations, overwritten.</param>
    /// <param name="segments">As in the forward, with as many keys as queries: there is no cache in training.</param>
    /// <param name="options">As in the forward.</param>
    public void AttentionBackward(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        const string Op = nameof(AttentionBackward);
        CheckAttention(Op, q, k, v, segments, options);
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

        AttentionBackwardCore(q, k, v, y, logSumExp, dy, dq, dk, dv, segments, options);
    }

    private static void CheckAttention(string op, Tensor q, Tensor k, Tensor v, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options)
    {
        Check.Activations(op, nameof(q), q);
        Check.That(q.Shape.Rank == 3, op, $"q is {q}, expected (tokens, heads, headSize)");
        Check.That(k.DType == q.DType && k.Shape.Rank == 3 && k.Shape[2] == q.Shape[2] && k.Shape[1] > 0 && q.Shape[1] % k.Shape[1] == 0, op,
            $"k is {k}, expected {q.DType} (keys, keyHeads, headSize) with q {q}");
        Check.SameAs(op, nameof(v), v, k);
        Check.That(options.Scale > 0, op, $"{options} has a scale that is not above 0");
        Check.That(options.Window >= 0 && options.SoftCap >= 0, op, $"{options} has a window or a cap below 0");
        foreach (var s in segments)
        {
            Check.That(s.QueryCount >= 1 && s.KeyCount >= s.QueryCount && s.QueryStart >= 0 && s.KeyStart >= 0
                && s.QueryStart <= q.Rows - s.QueryCount && s.KeyStart <= k.Rows - s.KeyCount, op, $"{s} leaves q {q} or k {k}");
        }
    }

    /// <summary>Backend part of <see cref="Attention"/>; shapes are checked.</summary>
    protected abstract void AttentionCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor? logSumExp, ReadOnlySpan<AttentionSegment> segments, AttentionOptions options);

    /// <summary>Backend part of <see cref="AttentionBackward"/>; shapes are checked.</summary>
    protected abstract void AttentionBackwardCore(
        Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor dq, Tensor dk, Tensor dv,
        ReadOnlySpan<AttentionSegment> segments, AttentionOptions options);
}
