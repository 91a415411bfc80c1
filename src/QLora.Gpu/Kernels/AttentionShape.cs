using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The heads of an attention op, and what its scores become.</summary>
internal struct AttentionShape
{
    public int Heads, KeyHeads, HeadSize, Window;
    public float Scale, SoftCap;

    /// <summary>Query heads that share a key head.</summary>
    public readonly int Group => Heads / KeyHeads;

    /// <summary>What the product of a query and a key becomes before the softmax.</summary>
    public readonly float Score(float product) => SoftCap > 0 ? DeviceMath.SoftCap(Scale * product, SoftCap) : Scale * product;

    /// <summary>One head of the queries of a sequence, or of what has their shape.</summary>
    public readonly HeadRows<T> Queries<T>(ArrayView<T> tensor, Segment segment, int head) where T : unmanaged, IElement<T> =>
        new(tensor, (segment.QueryStart * Heads + head) * HeadSize, Heads * HeadSize, segment.QueryCount);

    /// <summary>One head of the keys of a sequence, or of what has their shape.</summary>
    public readonly HeadRows<T> Keys<T>(ArrayView<T> tensor, Segment segment, int keyHead) where T : unmanaged, IElement<T> =>
        new(tensor, (segment.KeyStart * KeyHeads + keyHead) * HeadSize, KeyHeads * HeadSize, segment.KeyCount);

    /// <summary>The place of a query in what has one number for each token and head.</summary>
    public readonly int Row(Segment segment, int i, int head) => (segment.QueryStart + i) * Heads + head;
}

/// <summary>One sequence, as <see cref="Backends.AttentionSegment"/>, and a tile of its rows: what a group works on.</summary>
internal struct Segment
{
    public int QueryStart, QueryCount, KeyStart, KeyCount;

    /// <summary>The first row of the tile: a query, or a key.</summary>
    public int First;

    // Up to a size that divides the alignment of buffers, as views demand.
    public int Padding0, Padding1, Padding2;

    /// <summary>How many keys query <paramref name="i"/> would see without a window.</summary>
    public readonly int Visible(int i) => i + KeyCount - QueryCount + 1;

    /// <summary>The beginning of a tile of keys before which query <paramref name="i"/> and those after it see none.</summary>
    public readonly int FirstKey(int i, int window) => window == 0 || Visible(i) <= window ? 0 : (Visible(i) - window) / Tile.Size * Tile.Size;

    /// <summary>Whether query i sees key j.</summary>
    public readonly bool Sees(int i, int j, int window) => i < QueryCount && j < Visible(i) && (window == 0 || j >= Visible(i) - window);
}
