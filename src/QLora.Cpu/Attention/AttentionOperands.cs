using QLora.Backends;

namespace QLora.Cpu.Attention;

/// <summary>The shapes and the addresses that all parts of an attention op share.</summary>
internal readonly unsafe struct AttentionOperands(float* q, float* k, float* v, int heads, int keyHeads, int headSize, AttentionOptions options)
{
    public readonly float* Q = q, K = k, V = v;
    public readonly int Heads = heads, KeyHeads = keyHeads, HeadSize = headSize, PaddedSize = KeyPack.PaddedSize(headSize);
    public readonly float Scale = options.Scale, SoftCap = options.SoftCap;

    /// <summary>How many keys of a segment a query sees at most.</summary>
    public int WindowOf(AttentionSegment segment) => options.Window > 0 ? Math.Min(options.Window, segment.KeyCount) : segment.KeyCount;

    /// <summary>Numbers from one token's head to the next token's.</summary>
    public nint QueryStride => (nint)Heads * HeadSize;

    /// <summary>Numbers from one key to the next.</summary>
    public nint KeyStride => (nint)KeyHeads * HeadSize;

    /// <summary>Where a segment's queries begin, or whatever else is laid out like them.</summary>
    public float* QueryHead(float* x, AttentionSegment segment, int head) => x + segment.QueryStart * QueryStride + (nint)head * HeadSize;

    /// <summary>Where a segment's keys begin, or whatever else is laid out like them.</summary>
    public float* KeyHead(float* x, AttentionSegment segment, int keyHead) => x + segment.KeyStart * KeyStride + (nint)keyHead * HeadSize;

    /// <summary>The key head that a query head reads.</summary>
    public int KeyHeadOf(int head) => head / (Heads / KeyHeads);
}
