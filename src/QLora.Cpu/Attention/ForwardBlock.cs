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
    /// <summary>Queries of a block: a multiple of the tile's rows and of a vector, at any width.</summary>
    public const int Block = 4 * Tile.MostRows;

    /// <summary>Numbers of scratch that one block needs.</summary>
    public static int ScratchSize(int headSize) =>
        Block * (2 * KeyPack.PaddedSize(headSize) + KeyPack.Block) + PairProducts.WeightsSize(Block) + RunningSoftmax<Float16>.ScratchSize;

    /// <summary>
    /// Computes rows <paramref name="first"/> up to <paramref name="first"/> + <see cref="Block"/> of a segment's head, fewer at its end.
    /// </summary>
    /// <param name="o">The op's operands.</param>
    /// <param name="products">How it multiplies.</param>
    /// <param name="segment">The sequence.</param>
    /// <param name="head">The query head.</param>
    /// <param name="first">The first query within the segment.</param>
    /// <param name="keys">The segment's keys of that head as panels.</param>
    /// <param name="values">The segment's values of that head as rows.</param>
    /// <param name="y">The whole result.</param>
    /// <param name="logSumExp">The whole (tokens, heads), or null.</param>
    /// <param name="scratch"><see cref="ScratchSize"/> numbers.</param>
    [MethodImpl(Hot.Loop)]
    public static void Run<V, TFormat, TProducts>(in AttentionOperands o, TProducts products, AttentionSegment segment, int head, int first, float* keys, float* values,
        byte* y, float* logSumExp, float* scratch)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat where TProducts : struct, IAttentionProducts
    {
        var (headSize, size) = (o.HeadSize, o.PaddedSize);
        var count = Math.Min(Block, segment.QueryCount - first);
        var queries = scratch; // (Block, size)
        var scores = queries + Block * size; // (Block, KeyPack.Block)
        var sums = scores + Block * KeyPack.Block; // (Block, size): the weighted values
        var rounded = sums + Block * size; // the weights in another form
        var softmax = new RunningSoftmax<V>(rounded + TProducts.WeightsSize(Block));

        var block = new QuerySpan(count, segment.KeyCount - segment.QueryCount + first + 1, o.WindowOf(segment), Tile.Rows<V>());
        products.Load<V, TFormat>(block, o.QueryHead<TFormat>(o.Q, segment, head, first), o.QueryStride, headSize, queries);
        softmax.Begin();

        for (var start = block.FirstStart; start < block.Keys; start += KeyPack.Block)
        {
            block.MultiplyByPanels<V, TProducts>(products, queries, keys, headSize, scores, start);
            softmax.Exponentials(block, start, scores, o.Scale, o.SoftCap);
            softmax.Rescale(block, start, sums, size);
            var weights = products.AsLeft(block, start, scores, rounded);
            for (var column = 0; column < size; column += 2 * V.Count)
            {
                for (var g = 0; g < block.Groups; g++)
                {
                    var (begin, end) = (block.HiddenFromGroup(g, start), block.VisibleToGroup(g, start));
                    if (begin < end) products.Multiply<V>(weights, g, begin, end, values, start, column, sums, accumulate: !block.IsFirstOfGroup(g, start));
                }
            }
        }

        for (var i = 0; i < count; i++)
        {
            var (total, largest) = softmax.Result(i);
            VectorMath.Scale<V, SingleFormat, TFormat>((byte*)(sums + i * size), o.QueryHead<TFormat>(y, segment, head, first + i), headSize, 1 / total);
            if (logSumExp != null) logSumExp[(nint)(segment.QueryStart + first + i) * o.Heads + head] = largest + MathF.Log(total);
        }
    }
}
