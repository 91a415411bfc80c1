using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// The gradients of attention for a block of one head's queries. The queries' own are final; those of keys and values are added to the share of a run of blocks, which
/// the caller adds to the shares of other runs.
/// </summary>
internal static unsafe class BackwardBlock
{
    /// <summary>Queries worked on at once. The more there are, the less often sums of keys and values are fetched and put back.</summary>
    public const int Block = 2 * ForwardBlock.Block;

    /// <summary>Numbers of scratch that one block needs.</summary>
    public static int ScratchSize(int headSize) => 
        Block * (3 * KeyPack.PaddedSize(headSize) + 2 * KeyPack.Block + 2) + 3 * PairProducts.WeightsSize(Block);

    /// <summary>
    /// The gradients due to queries <paramref name="first"/> up to <paramref name="first"/> + <see cref="Block"/> of a segment's head, fewer at its end.
    /// </summary>
    /// <param name="o">The op's operands.</param>
    /// <param name="products">How it multiplies.</param>
    /// <param name="r">The forward's results, the gradient of y, and that of q.</param>
    /// <param name="segment">The sequence.</param>
    /// <param name="head">The query head.</param>
    /// <param name="first">The first query within the segment.</param>
    /// <param name="keys">The segment's packed keys and values of that head.</param>
    /// <param name="keyShare">(padded keys, padded size): the run's share in dk, which is added to.</param>
    /// <param name="valueShare">(padded keys, padded size): the run's share in dv, which is added to.</param>
    /// <param name="scratch"><see cref="ScratchSize"/> numbers.</param>
    [MethodImpl(Hot.Loop)]
    public static void Run<V, TFormat, TProducts>(in AttentionOperands o, TProducts products, in BackwardOperands r, AttentionSegment segment, int head, int first,
        PackedKeys keys, float* keyShare, float* valueShare, float* scratch)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat where TProducts : struct, IAttentionProducts
    {
        var count = Math.Min(Block, segment.QueryCount - first);
        var (headSize, size, window) = (o.HeadSize, o.PaddedSize, o.WindowOf(segment));
        var tileRows = Tile.Rows<V>();
        var queries = new QuerySpan(count, first + 1, window, tileRows);
        var q = scratch; // (Block, size)
        var dy = q + Block * size; // (Block, size)
        var dq = dy + Block * size; // (Block, size)
        var p = dq + Block * size; // (Block, KeyPack.Block): scores, then probabilities
        var ds = p + Block * KeyPack.Block; // (Block, KeyPack.Block): their gradients
        var logSumExp = ds + Block * KeyPack.Block; // (Block)
        var dots = logSumExp + Block; // (Block): Σ dy · y
        var rounded = dots + Block; // weights in other forms, three of them

        products.Load<V, TFormat>(queries, o.QueryHead<TFormat>(o.Q, segment, head, first), o.QueryStride, headSize, q);
        products.Load<V, TFormat>(queries, o.QueryHead<TFormat>(r.OutputGradient, segment, head, first), o.QueryStride, headSize, dy);
        var qRight = products.AsRight(queries, q);
        var dyRight = products.AsRight(queries, dy);
        for (var i = 0; i < count; i++)
        {
            logSumExp[i] = r.LogSumExp[(nint)(segment.QueryStart + first + i) * o.Heads + head];
            dots[i] = VectorMath.Dot<V, TFormat>(
                o.QueryHead<TFormat>(r.OutputGradient, segment, head, first + i), o.QueryHead<TFormat>(r.Output, segment, head, first + i), headSize);
        }

        for (var start = queries.FirstStart; start < queries.Keys; start += KeyPack.Block)
        {
            queries.MultiplyByPanels<V, TProducts>(products, q, keys.KeyPanels, headSize, p, start);
            queries.MultiplyByPanels<V, TProducts>(products, dy, keys.ValuePanels, headSize, ds, start);
            for (var i = 0; i < count; i++)
            {
                var scores = p + i * KeyPack.Block;
                var gradients = ds + i * KeyPack.Block;
                var (hidden, seen) = (queries.Hidden(i, start), queries.Visible(i, start));
                if (o.SoftCap > 0) CappedScoreGradients<V>(scores, gradients, hidden, seen, logSumExp[i], dots[i], o.Scale, o.SoftCap);
                else ScoreGradients<V>(scores, gradients, hidden, seen, logSumExp[i], dots[i], o.Scale);
                if (seen - hidden == KeyPack.Block) continue;
                ClearUnseen(scores, hidden, seen);
                ClearUnseen(gradients, hidden, seen);
            }

            var dsLeft = products.AsLeft(queries, start, ds, rounded);
            var dsTransposed = products.AsTransposedLeft(queries, ds, rounded + TProducts.WeightsSize(Block));
            var pTransposed = products.AsTransposedLeft(queries, p, rounded + 2 * TProducts.WeightsSize(Block));
            for (var column = 0; column < size; column += 2 * V.Count)
            {
                for (var g = 0; g < queries.Groups; g++)
                {
                    var (hidden, seen) = (queries.HiddenFromGroup(g, start), queries.VisibleToGroup(g, start));
                    if (hidden < seen) products.Multiply<V>(dsLeft, g, hidden, seen, keys.KeyRows, start, column, dq, accumulate: !queries.IsFirstOfGroup(g, start));
                }

                for (var key = queries.HiddenFromBlock(start) / tileRows * tileRows; key < queries.VisibleToBlock(start); key += tileRows)
                {
                    // Queries before the group's first key do not see it, nor do those whose window begins behind its last.
                    var from = Math.Max(0, start + key - first);
                    var to = Math.Min(count, start + key + tileRows - 1 + window - first);
                    var share = (nint)(start + key) * size;
                    products.MultiplyTransposed<V>(pTransposed, key, from, to, dyRight, column, valueShare + share);
                    products.MultiplyTransposed<V>(dsTransposed, key, from, to, qRight, column, keyShare + share);
                }
            }
        }

        for (var i = 0; i < count; i++)
        {
            VectorMath.Scale<V, SingleFormat, TFormat>((byte*)(dq + i * size), o.QueryHead<TFormat>(r.QueryGradient, segment, head, first + i), headSize);
        }
    }

    /// <summary>Turns the scores that a row sees into probabilities, and the gradients of the probabilities into those of the scores.</summary>
    [MethodImpl(Hot.Loop)]
    private static void ScoreGradients<V>(float* scores, float* gradients, int hidden, int seen, float logSumExp, float dot, float scale)
        where V : unmanaged, IVector<V>
    {
        for (var j = hidden / V.Count * V.Count; j < seen; j += V.Count)
        {
            var probability = VectorMath.Exp(V.FusedMultiplyAdd(V.Load(scores + j), V.Create(scale), V.Create(-logSumExp)));
            var gradient = probability * (V.Load(gradients + j) - V.Create(dot)) * V.Create(scale);
            probability.Store(scores + j);
            gradient.Store(gradients + j);
        }
    }

    /// <summary>The same where scores have a cap, whose slope is 1 − tanh².</summary>
    [MethodImpl(Hot.Loop)]
    private static void CappedScoreGradients<V>(
        float* scores, float* gradients, int hidden, int seen, float logSumExp, float dot, float scale, float softCap)
        where V : unmanaged, IVector<V>
    {
        for (var j = hidden / V.Count * V.Count; j < seen; j += V.Count)
        {
            var tanh = VectorMath.Tanh(V.Load(scores + j) * V.Create(scale) / V.Create(softCap));
            var probability = VectorMath.Exp(V.FusedMultiplyAdd(tanh, V.Create(softCap), V.Create(-logSumExp)));
            var gradient = probability * (V.Load(gradients + j) - V.Create(dot)) * V.Create(scale) * (V.Create(1f) - tanh * tanh);
            probability.Store(scores + j);
            gradient.Store(gradients + j);
        }
    }

    private static void ClearUnseen(float* row, int hidden, int seen)
    {
        new Span<float>(row, hidden).Clear();
        new Span<float>(row + seen, KeyPack.Block - seen).Clear();
    }
}

/// <summary>Addresses of what goes in and out of the backward pass and is laid out like the queries.</summary>
internal readonly unsafe struct BackwardOperands(byte* output, float* logSumExp, byte* outputGradient, byte* queryGradient)
{
    public readonly byte* Output = output, OutputGradient = outputGradient, QueryGradient = queryGradient;
    public readonly float* LogSumExp = logSumExp;
}
