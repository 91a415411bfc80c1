using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// Attention of one block of queries of one head: block by block of the keys, scores, their exponentials relative to the largest so far, and the
/// weighted sum of the values, which is rescaled whenever a larger score appears (Dao et al., arXiv:2205.14135).
/// </summary>
internal static unsafe class ForwardBlock
{
    /// <summary>Queries of a block: a multiple of the tile's rows.</summary>
    public const int Block = 8 * Tile.Rows;

    /// <summary>Numbers of scratch that one block needs.</summary>
    public static int ScratchSize(int headSize) => Block * (headSize + KeyPack.Block + KeyPack.PaddedSize(headSize) + 2);

    /// <summary>
    /// Computes rows <paramref name="first"/> up to <paramref name="first"/> + <see cref="Block"/> of a segment's head, fewer at its end.
    /// </summary>
    /// <param name="o">The op's operands.</param>
    /// <param name="segment">The sequence.</param>
    /// <param name="head">The query head.</param>
    /// <param name="first">The first query within the segment.</param>
    /// <param name="keys">The segment's keys of that head as panels.</param>
    /// <param name="values">The segment's values of that head as rows.</param>
    /// <param name="y">The whole result.</param>
    /// <param name="logSumExp">The whole (tokens, heads), or null.</param>
    /// <param name="scratch"><see cref="ScratchSize"/> numbers.</param>
    [MethodImpl(Hot.Loop)]
    public static void Run<V, TFormat>(in AttentionOperands o, AttentionSegment segment, int head, int first, float* keys, float* values,
        byte* y, float* logSumExp, float* scratch)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var (headSize, size) = (o.HeadSize, o.PaddedSize);
        var count = Math.Min(Block, segment.QueryCount - first);
        var queries = scratch; // (Block, headSize), scaled
        var scores = queries + Block * headSize; // (Block, KeyPack.Block)
        var sums = scores + Block * KeyPack.Block; // (Block, size): the weighted values
        var largest = sums + Block * size; // (Block)
        var total = largest + Block; // (Block)

        var block = new QuerySpan(count, segment.KeyCount - segment.QueryCount + first + 1, o.WindowOf(segment));
        block.Load<V, TFormat>(o.QueryHead<TFormat>(o.Q, segment, head, first), o.QueryStride, headSize, queries, headSize, o.Scale);
        new Span<float>(largest, Block).Fill(float.NegativeInfinity);
        new Span<float>(total, Block).Clear();

        for (var start = block.FirstStart; start < block.Keys; start += KeyPack.Block)
        {
            block.MultiplyByPanels<V>(queries, headSize, keys, headSize, scores, start);
            for (var i = 0; i < count; i++)
            {
                var (begin, end) = (block.HiddenFromGroup(i / Tile.Rows, start), block.VisibleToGroup(i / Tile.Rows, start));
                if (begin >= end) continue;
                begin = begin / V.Count * V.Count;
                var row = scores + i * KeyPack.Block;
                if (o.SoftCap > 0) VectorMath.SoftCap<V>(row + begin, (end - begin + V.Count - 1) / V.Count * V.Count, o.SoftCap);
                Exponentials<V>(row, begin, block.Hidden(i, start), block.Visible(i, start), end, ref largest[i], ref total[i], sums + i * size, size);
            }

            for (var column = 0; column < size; column += 2 * V.Count)
            {
                for (var g = 0; g < block.Groups; g++)
                {
                    var (begin, end) = (block.HiddenFromGroup(g, start), block.VisibleToGroup(g, start));
                    if (begin >= end) continue;
                    Tile.Multiply<V>(scores + g * Tile.Rows * KeyPack.Block + begin, KeyPack.Block, 1, values + (nint)(start + begin) * size + column, size,
                        sums + g * Tile.Rows * size + column, size, end - begin, accumulate: !block.IsFirstOfGroup(g, start));
                }
            }
        }

        for (var i = 0; i < count; i++)
        {
            VectorMath.Scale<V, SingleFormat, TFormat>((byte*)(sums + i * size), o.QueryHead<TFormat>(y, segment, head, first + i), headSize, 1 / total[i]);
            if (logSumExp != null) logSumExp[(nint)(segment.QueryStart + first + i) * o.Heads + head] = largest[i] + MathF.Log(total[i]);
        }
    }

    /// <summary>
    /// Replaces the scores of a row from <paramref name="hidden"/> to <paramref name="seen"/> by their exponentials, the others from
    /// <paramref name="begin"/>, a multiple of a vector, to <paramref name="end"/> by zeros, and brings the row's running sums up to date.
    /// </summary>
    [MethodImpl(Hot.Loop)]
    private static void Exponentials<V>(float* scores, int begin, int hidden, int seen, int end, ref float largest, ref float total, float* sums, int size)
        where V : unmanaged, IVector<V>
    {
        if (hidden >= seen)
        {
            for (var j = begin; j < end; j++) scores[j] = 0;
            return;
        }

        for (var j = begin; j < hidden; j++) scores[j] = float.NegativeInfinity;
        for (var j = seen; j < KeyPack.Block && j < end + V.Count; j++) scores[j] = float.NegativeInfinity;
        var most = V.Load(scores + begin);
        for (var j = begin + V.Count; j < end; j += V.Count) most = V.Max(most, V.Load(scores + j));
        var old = largest;
        largest = MathF.Max(old, V.MaxAcross(most));

        var sum = V.Create(0f);
        var reference = V.Create(largest);
        for (var j = begin; j < end; j += V.Count)
        {
            var exponential = VectorMath.Exp(V.Load(scores + j) - reference);
            exponential.Store(scores + j);
            sum += exponential;
        }

        if (largest > old && total > 0)
        {
            var factor = MathF.Exp(old - largest);
            total *= factor;
            for (var c = 0; c < size; c += V.Count) (V.Load(sums + c) * V.Create(factor)).Store(sums + c);
        }

        total += V.Sum(sum);
    }
}
