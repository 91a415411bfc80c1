using QLora.Backends;

namespace QLora.Cpu.Attention;

/// <summary>
/// Who does what of an attention op: all blocks of queries in the order of their key heads, cut where each thread has as much work as the others. So a thread comes
/// by few key heads, and two threads by the same one only where it is cut.
/// </summary>
internal sealed class AttentionPlan
{
    private readonly List<AttentionRun> _runs = [];
    private readonly List<int> _firstOfThread = [];

    /// <summary>All runs, in the order of segments, key heads and blocks.</summary>
    public List<AttentionRun> Runs => _runs;

    /// <summary>Numbers of workspace that each thread needs for the keys of a run.</summary>
    public nint PackedSize { get; private set; }

    /// <summary>Numbers of workspace that the shares of all runs need, each for the gradients of its keys and of its values.</summary>
    public nint SharesSize { get; private set; }

    /// <summary>The runs of a thread.</summary>
    public (int First, int End) RunsOf(int thread) => (_firstOfThread[thread], _firstOfThread[thread + 1]);

    /// <summary>Makes the plan.</summary>
    /// <param name="o">The op's operands.</param>
    /// <param name="segments">The sequences; those of fewer than <paramref name="fewestQueries"/> queries are left out.</param>
    /// <param name="fewestQueries">At least 1.</param>
    /// <param name="queriesOfBlock">Queries of a block.</param>
    /// <param name="packsOfKey">Numbers that a key and its value are packed into.</param>
    /// <param name="threads">How many there are.</param>
    public void Make(in AttentionOperands o, ReadOnlySpan<AttentionSegment> segments, int fewestQueries, int queriesOfBlock, int packsOfKey, int threads)
    {
        _runs.Clear();
        _firstOfThread.Clear();
        _firstOfThread.Add(0);
        (PackedSize, SharesSize) = (0, 0);
        var (all, done) = (0L, 0L);
        foreach (var segment in segments)
        {
            if (segment.QueryCount >= fewestQueries) all += o.Heads * WorkOf(o, segment, queriesOfBlock, AttentionRun.BlocksOf(segment, queriesOfBlock));
        }

        foreach (var segment in segments)
        {
            if (segment.QueryCount < fewestQueries) continue;
            PackedSize = Math.Max(PackedSize, (nint)KeyPack.PaddedKeys(segment.KeyCount) * packsOfKey);
            var blocks = AttentionRun.BlocksOf(segment, queriesOfBlock);
            for (var keyHead = 0; keyHead < o.KeyHeads; keyHead++)
            {
                var first = 0;
                var end = blocks * (o.Heads / o.KeyHeads);
                for (var block = 0; block < end; block++)
                {
                    var work = WorkOf(o, segment, queriesOfBlock, block % blocks + 1) - WorkOf(o, segment, queriesOfBlock, block % blocks);

                    // A thread's work ends with the block that has its middle before the thread's share of all ends.
                    while (_firstOfThread.Count < threads && (2 * done + work) * threads > 2 * all * _firstOfThread.Count)
                    {
                        if (block > first) Add(o, new AttentionRun(segment, keyHead, queriesOfBlock, first, block, SharesSize));
                        first = block;
                        _firstOfThread.Add(_runs.Count);
                    }

                    done += work;
                }

                Add(o, new AttentionRun(segment, keyHead, queriesOfBlock, first, end, SharesSize));
            }
        }

        while (_firstOfThread.Count <= threads) _firstOfThread.Add(_runs.Count);
    }

    /// <summary>Numbers of one of the two shares of a run.</summary>
    public static nint ShareSize(in AttentionRun run, in AttentionOperands o) => (nint)KeyPack.PaddedKeys(run.Keys) * o.PaddedSize;

    /// <summary>Pairs of queries and keys in the first blocks of a head, about.</summary>
    private static long WorkOf(in AttentionOperands o, AttentionSegment segment, int queriesOfBlock, int blocks)
    {
        long queries = Math.Min(blocks * queriesOfBlock, segment.QueryCount), before = segment.KeyCount - segment.QueryCount, window = o.WindowOf(segment);

        // The first queries see a key more each, the others a window's width.
        var growing = Math.Clamp(window - before, 0, queries);
        return growing * before + growing * growing / 2 + (queries - growing) * window;
    }

    private void Add(in AttentionOperands o, AttentionRun run)
    {
        _runs.Add(run);
        SharesSize += 2 * ShareSize(run, o);
    }
}
