using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// The exponentials of a block of queries' scores relative to the largest so far of each query, and their sums. Whatever would wait for a single row's number is done
/// for a vector of rows at a time.
/// </summary>
/// <param name="scratch"><see cref="ScratchSize"/> numbers of the widest vectors.</param>
internal readonly unsafe struct RunningSoftmax<V>(float* scratch) where V : unmanaged, IVector<V>
{
    private const int Block = ForwardBlock.Block;

    private readonly float* _largest = scratch; // (Block): the largest score
    private readonly float* _factors = scratch + Block; // (Block): what makes sums relative to it of those that were to the last one
    private readonly float* _maxima = scratch + 2 * Block; // (Block, vector): the largest of each place
    private readonly float* _totals = scratch + (2 + V.Count) * Block; // (Block, vector): the sums of exponentials in each place

    /// <summary>Numbers of scratch.</summary>
    public static int ScratchSize => Block * (2 + 2 * V.Count);

    /// <summary>Forgets all scores.</summary>
    public void Begin()
    {
        new Span<float>(_largest, Block).Fill(float.NegativeInfinity);
        new Span<float>(_maxima, Block * V.Count).Fill(float.NegativeInfinity);
        new Span<float>(_totals, Block * V.Count).Clear();
    }

    /// <summary>
    /// Replaces scores that queries see by their exponentials, and others by zeros, from the first key that any query of a group sees to the last.
    /// </summary>
    /// <param name="queries">The block.</param>
    /// <param name="start">The first key.</param>
    /// <param name="scores">(queries, KeyPack.Block), not scaled yet.</param>
    /// <param name="scale">Of the scores; above 0.</param>
    /// <param name="softCap">Of the scaled scores; none when 0.</param>
    [MethodImpl(Hot.Loop)]
    public void Exponentials(in QuerySpan queries, int start, float* scores, float scale, float softCap)
    {
        var factor = V.Create(softCap > 0 ? 1 : scale);
        for (var i = 0; i < queries.Count; i++)
        {
            var (begin, end) = SpanOf(queries, i, start);
            var row = scores + i * KeyPack.Block;
            if (softCap > 0)
            {
                VectorMath.Scale<V, SingleFormat, SingleFormat>((byte*)(row + begin), (byte*)(row + begin), end - begin, scale);
                VectorMath.SoftCap<V>(row + begin, end - begin, softCap);
            }

            var most = V.Create(float.NegativeInfinity);
            if (begin < end)
            {
                Hide(row, begin, queries.Hidden(i, start), queries.Visible(i, start), end);
                for (var j = begin; j < end; j += V.Count) most = VectorMath.Larger(most, V.Load(row + j));
            }

            (most * factor).Store(_maxima + i * V.Count);
        }

        UpdateLargest();
        for (var i = 0; i < queries.Count; i++)
        {
            var (begin, end) = SpanOf(queries, i, start);
            var row = scores + i * KeyPack.Block;

            // A row that has not seen any key yet has nothing to be relative to.
            var reference = V.Create(-MathF.Max(_largest[i], float.MinValue));
            var total = V.Load(_totals + i * V.Count) * V.Create(_factors[i]);
            for (var j = begin; j < end; j += V.Count)
            {
                var exponential = VectorMath.Exp(V.FusedMultiplyAdd(V.Load(row + j), factor, reference));
                exponential.Store(row + j);
                total += exponential;
            }

            total.Store(_totals + i * V.Count);
        }
    }

    /// <summary>Makes sums of rows, which were relative to the largest scores before the last exponentials, relative to those since.</summary>
    /// <param name="queries">The block.</param>
    /// <param name="start">The first of the keys whose exponentials were the last.</param>
    /// <param name="sums">(queries, size); those of groups that have not seen keys before mean nothing.</param>
    /// <param name="size">Numbers of a row.</param>
    [MethodImpl(Hot.Loop)]
    public void Rescale(in QuerySpan queries, int start, float* sums, int size)
    {
        for (var i = 0; i < queries.Count; i++, sums += size)
        {
            if (queries.IsFirstOfGroup(i / Tile.Rows<V>(), start)) continue;
            var factor = V.Create(_factors[i]);
            for (var c = 0; c < size; c += V.Count) (V.Load(sums + c) * factor).Store(sums + c);
        }
    }

    /// <summary>The sum of a row's exponentials, and the score that they are relative to.</summary>
    public (float Total, float Largest) Result(int i) => (V.Sum(V.Load(_totals + i * V.Count)), _largest[i]);

    /// <summary>The whole vectors in which the scores lie that a query's group sees.</summary>
    private static (int Begin, int End) SpanOf(in QuerySpan queries, int i, int start)
    {
        var group = i / Tile.Rows<V>();
        var (begin, end) = (queries.HiddenFromGroup(group, start), queries.VisibleToGroup(group, start));
        return begin < end ? (begin / V.Count * V.Count, (end + V.Count - 1) / V.Count * V.Count) : (0, 0);
    }

    private static void Hide(float* row, int begin, int hidden, int seen, int end)
    {
        for (var j = begin; j < Math.Min(hidden, end); j++) row[j] = float.NegativeInfinity;
        for (var j = Math.Max(begin, seen); j < end; j++) row[j] = float.NegativeInfinity;
    }

    [MethodImpl(Hot.Loop)]
    private void UpdateLargest()
    {
        var columns = stackalloc float[V.Count * V.Count];
        for (var i = 0; i < Block; i += V.Count)
        {
            V.Transpose(_maxima + i * V.Count, V.Count, columns, V.Count);
            var old = V.Load(_largest + i);
            var largest = old;
            for (var column = 0; column < V.Count; column++) largest = VectorMath.Larger(largest, V.Load(columns + column * V.Count));
            largest.Store(_largest + i);
            V.WhereLess(old, largest, VectorMath.Exp(old - largest), V.Create(1f)).Store(_factors + i);
        }
    }
}
