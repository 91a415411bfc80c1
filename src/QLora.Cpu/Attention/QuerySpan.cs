using System.Numerics.Tensors;

namespace QLora.Cpu.Attention;

/// <summary>A block of queries, and which keys each of them sees: every query sees one more than the one before.</summary>
/// <param name="count">The queries.</param>
/// <param name="firstVisible">How many keys the first one sees.</param>
internal readonly unsafe struct QuerySpan(int count, int firstVisible)
{
    /// <summary>Keys that the last query sees.</summary>
    public int Keys => firstVisible + count - 1;

    /// <summary>Groups of a tile's rows, the last perhaps filled up.</summary>
    public int Groups => (count + Tile.Rows - 1) / Tile.Rows;

    /// <summary>How many keys of the block from <paramref name="start"/> on query <paramref name="i"/> sees.</summary>
    public int Visible(int i, int start) => Math.Clamp(firstVisible + i - start, 0, KeyPack.Block);

    /// <summary>How many keys of the block from <paramref name="start"/> on the last query of a group sees.</summary>
    public int VisibleToGroup(int group, int start) => Visible(Math.Min((group + 1) * Tile.Rows, count) - 1, start);

    /// <summary>How many keys of the block from <paramref name="start"/> on any query sees.</summary>
    public int VisibleToBlock(int start) => Visible(count - 1, start);

    /// <summary>Copies rows into scratch, times a factor, filled up with zeros to whole groups and to <paramref name="size"/>.</summary>
    public void Load(float* source, nint stride, int headSize, float* rows, int size, float factor)
    {
        for (var i = 0; i < Groups * Tile.Rows; i++)
        {
            var row = new Span<float>(rows + i * size, size);

            // TensorPrimitives takes the machine's own width whatever is forced; products of single elements are the same bits at any.
            if (i < count) TensorPrimitives.Multiply(new ReadOnlySpan<float>(source + i * stride, headSize), factor, row);
            row[(i < count ? headSize : 0)..].Clear();
        }
    }
}
