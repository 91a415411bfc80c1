using QLora.Backends;

namespace QLora.Cpu.Attention;

/// <summary>
/// What a thread does of one key head in one go: blocks of queries, numbered through the query heads that read it, head after head. Its keys and values are packed once for
/// all of them, and stay in the cache of the thread's core.
/// </summary>
/// <param name="Segment">The sequence.</param>
/// <param name="KeyHead">The key head.</param>
/// <param name="QueriesOfBlock">Queries of a block, fewer in the last of a head.</param>
/// <param name="First">The first block.</param>
/// <param name="End">The block after the last.</param>
/// <param name="Share">Backward: where its shares in the gradients of keys and values begin.</param>
internal readonly record struct AttentionRun(AttentionSegment Segment, int KeyHead, int QueriesOfBlock, int First, int End, nint Share)
{
    /// <summary>Blocks of one head.</summary>
    private int Blocks => BlocksOf(Segment, QueriesOfBlock);

    /// <summary>Whether it goes on from one head to the next, and so has the first queries and the last.</summary>
    private bool SpansHeads => First / Blocks != (End - 1) / Blocks;

    /// <summary>The first of its queries, within the segment.</summary>
    public int FirstQuery => SpansHeads ? 0 : First % Blocks * QueriesOfBlock;

    /// <summary>The query after its last, within the segment.</summary>
    public int EndQuery => SpansHeads ? Segment.QueryCount : Math.Min(((End - 1) % Blocks + 1) * QueriesOfBlock, Segment.QueryCount);

    /// <summary>The key after the last that it sees, within the segment.</summary>
    public int Keys => Segment.KeyCount - Segment.QueryCount + EndQuery;

    /// <summary>Blocks of one head of a segment.</summary>
    public static int BlocksOf(AttentionSegment segment, int queriesOfBlock) => (segment.QueryCount + queriesOfBlock - 1) / queriesOfBlock;

    /// <summary>The head of a block, and its first query within the segment.</summary>
    public (int Head, int FirstQuery) Block(int number, int headsOfKeyHead) => (KeyHead * headsOfKeyHead + number / Blocks, number % Blocks * QueriesOfBlock);
}
