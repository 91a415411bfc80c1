using QLora.Backends;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>The shapes and the addresses that all parts of an attention op share.</summary>
internal readonly unsafe struct AttentionOperands(byte* q, byte* k, byte* v, int heads, int keyHeads, int headSize, AttentionOptions options)
{
    public readonly byte* Q = q, K = k, V = v;
    public readonly int Heads = heads, KeyHeads = keyHeads, HeadSize = headSize, PaddedSize = KeyPack.PaddedSize(headSize);
    public readonly float Scale = options.Scale, SoftCap = options.SoftCap;

    /// <summary>How many keys of a segment a query sees at most.</summary>
    public int WindowOf(AttentionSegment segment) => options.Window > 0 ? Math.Min(options.Window, segment.KeyCount) : segment.KeyCount;

    /// <summary>The first key, at the beginning of a block of them, that any query of a run sees.</summary>
    public int FirstKeyOf(in AttentionRun run) =>
        Math.Max(0, run.Segment.KeyCount - run.Segment.QueryCount + run.FirstQuery + 1 - WindowOf(run.Segment)) / KeyPack.Block * KeyPack.Block;

    /// <summary>Query heads that read one key head.</summary>
    public int HeadsOfKeyHead => Heads / KeyHeads;

    /// <summary>Numbers from one token's head to the next token's.</summary>
    public nint QueryStride => (nint)Heads * HeadSize;

    /// <summary>Numbers from one key to the next.</summary>
    public nint KeyStride => (nint)KeyHeads * HeadSize;

    /// <summary>Where a head of a segment's query begins, or of whatever else is laid out like queries.</summary>
    public byte* QueryHead<TFormat>(byte* x, AttentionSegment segment, int head, int query) where TFormat : struct, IActivationFormat =>
        x + ((segment.QueryStart + query) * QueryStride + (nint)head * HeadSize) * TFormat.Size;

    /// <summary>Where a head of a segment's key begins, or of whatever else is laid out like keys.</summary>
    public byte* KeyHead<TFormat>(byte* x, AttentionSegment segment, int keyHead, int key) where TFormat : struct, IActivationFormat =>
        x + ((segment.KeyStart + key) * KeyStride + (nint)keyHead * HeadSize) * TFormat.Size;

    /// <summary>The key head that a query head reads.</summary>
    public int KeyHeadOf(int head) => head / HeadsOfKeyHead;
}
