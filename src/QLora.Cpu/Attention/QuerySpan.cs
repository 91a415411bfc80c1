using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// A block of queries, and which keys each of them sees: the last key of each is the one after that of the query before, and so is the first,
/// once there is a window's width of keys.
/// </summary>
/// <param name="count">The queries.</param>
/// <param name="end">The key after the last that the first query sees.</param>
/// <param name="window">How many keys a query sees at most, not more than there are.</param>
/// <param name="tileRows">Queries of a group: those that a tile takes.</param>
internal readonly unsafe struct QuerySpan(int count, int end, int window, int tileRows)
{
    /// <summary>How many queries there are.</summary>
    public int Count => count;

    /// <summary>The key after the last that any query sees.</summary>
    public int Keys => end + count - 1;

    /// <summary>Where the first block of keys begins of which any query sees one.</summary>
    public int FirstStart => FirstStartOf(0);

    /// <summary>Groups of a tile's rows, the last perhaps filled up.</summary>
    public int Groups => (count + tileRows - 1) / tileRows;

    /// <summary>Where query <paramref name="i"/> stops to see keys, within the block of keys from <paramref name="start"/> on.</summary>
    public int Visible(int i, int start) => Math.Clamp(end + i - start, 0, KeyPack.Block);

    /// <summary>Where the last query of a group stops to see keys.</summary>
    public int VisibleToGroup(int group, int start) => Visible(Math.Min((group + 1) * tileRows, count) - 1, start);

    /// <summary>Where the last query stops to see keys.</summary>
    public int VisibleToBlock(int start) => Visible(count - 1, start);

    /// <summary>Where query <paramref name="i"/> begins to see keys, within the block of keys from <paramref name="start"/> on.</summary>
    public int Hidden(int i, int start) => Math.Clamp(end + i - window - start, 0, KeyPack.Block);

    /// <summary>Where the first query of a group begins to see keys.</summary>
    public int HiddenFromGroup(int group, int start) => Hidden(group * tileRows, start);

    /// <summary>Where the first query begins to see keys.</summary>
    public int HiddenFromBlock(int start) => Hidden(0, start);

    /// <summary>Whether the block of keys from <paramref name="start"/> on is the first of which any query of a group sees one.</summary>
    public bool IsFirstOfGroup(int group, int start) => start == FirstStartOf(group * tileRows);

    /// <summary>
    /// results ← rows · panelsᵀ for the block of keys from <paramref name="start"/> on, by whole tiles from the first key that each group of rows sees to
    /// the last.
    /// </summary>
    /// <param name="products">How it multiplies.</param>
    /// <param name="rows">Queries that were loaded.</param>
    /// <param name="panels">All keys as panels.</param>
    /// <param name="headSize">The inner extent.</param>
    /// <param name="results">(whole groups, KeyPack.Block).</param>
    /// <param name="start">The first key of the block.</param>
    [MethodImpl(Hot.Loop)]
    public void MultiplyByPanels<V, TProducts>(TProducts products, float* rows, float* panels, int headSize, float* results, int start)
        where V : unmanaged, IVector<V> where TProducts : struct, IAttentionProducts
    {
        var width = 2 * V.Count;
        for (var column = HiddenFromBlock(start) / width * width; column < VisibleToBlock(start); column += width)
        {
            for (var g = 0; g < Groups; g++)
            {
                if (column >= VisibleToGroup(g, start) || column + width <= HiddenFromGroup(g, start)) continue;
                products.MultiplyByPanel<V>(rows, g, panels, start + column, headSize, results + g * tileRows * KeyPack.Block + column);
            }
        }
    }

    private int FirstStartOf(int i) => Math.Max(0, end + i - window) / KeyPack.Block * KeyPack.Block;
}
