using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>c ← alpha · a · b + beta · c, with a of (m, inner), b of (inner, n) and c of (m, n).</summary>
/// <param name="M">Rows of the result.</param>
/// <param name="N">Columns of the result.</param>
/// <param name="Inner">The extent that is summed over.</param>
/// <param name="TransposeB">Whether b is stored transposed.</param>
/// <param name="Alpha">Factor of the product.</param>
/// <param name="Beta">Factor of the old content.</param>
/// <param name="Pairs">Whether both operands are rounded to BFloat16 where they are not, and multiplied in pairs.</param>
internal readonly record struct ProductShape(int M, int N, int Inner, bool TransposeB, float Alpha, float Beta, bool Pairs = false);

/// <summary>
/// A stretch of the inner index of a product, tile by tile. Columns of b are packed into panels of a tile's width, by each thread for its own tiles. What a tile becomes
/// does not depend on who does it.
/// </summary>
internal readonly unsafe struct Product<TTile, TRows>(
    ProductShape shape, LeftMatrix a, TRows b, int firstInner, ResultMatrix c, TileSchedule schedule, ProductMemory memory) : IKernel
    where TTile : struct, ITile where TRows : struct, IRows
{
    // With so few tiles a panel is read where it lies, if it can be.
    private const int FewTiles = 4;

    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        var own = memory.OfThread(part);
        if (!a.IsPacked) PackRest<V>(own.Rest);
        foreach (var run in schedule.RunsOf(start, end)) MultiplyPanel<V>(run, own);
    }

    [MethodImpl(Hot.Loop)]
    private void MultiplyPanel<V>(TileRun run, ProductMemory.ThreadMemory own) where V : unmanaged, IVector<V>
    {
        var width = TTile.Vectors * V.Count;
        var (column, first, last) = (run.Panel * width, run.First, run.Last);
        var columns = Math.Min(width, shape.N - column);
        nint panelRow = width;
        var panel = !shape.TransposeB && columns == width && last - first <= FewTiles ? b.InPlace(firstInner, column, out panelRow) : null;
        if (panel == null)
        {
            panel = own.Panel;
            panelRow = width;
            if (shape.TransposeB) Panel.PackTransposed<V, TRows>(b, firstInner, shape.Inner, column, columns, width, panel, own.Rows);
            else b.ReadRows<V>(firstInner, shape.Inner, column, columns, panel, width, own.Rows);
        }

        var ahead = new PanelAhead<TRows>(b, shape, firstInner, column + width, width, last - first);
        var tile = first;
        if (columns == width && c.TakesTiles)
        {
            var whole = Math.Min(last, shape.M / TTile.Rows);
            for (; tile < whole; tile++)
            {
                ahead.Prefetch(tile - first);
                TTile.Multiply<V>(shape.Inner, a.Tile<TTile>(tile), panel, panelRow, c.At(tile * TTile.Rows, column), c.Row, shape.Alpha, shape.Beta);
            }
        }

        for (; tile < last; tile++) MultiplyEdge<V>(tile, column, columns, panel, panelRow, own);
    }

    /// <summary>A tile that reaches beyond the result, or whose result is not stored as it lies in registers.</summary>
    private void MultiplyEdge<V>(int tile, int column, int columns, float* panel, nint panelRow, ProductMemory.ThreadMemory own) where V : unmanaged, IVector<V>
    {
        var width = TTile.Vectors * V.Count;
        var rows = Math.Min(TTile.Rows, shape.M - tile * TTile.Rows);
        var left = rows == TTile.Rows || a.IsPacked ? a.Tile<TTile>(tile) : new LeftRows(own.Rest, 1, TTile.Rows);
        TTile.Multiply<V>(shape.Inner, left, panel, panelRow, own.Tile, width, shape.Alpha, 0);
        c.Add<V>(tile * TTile.Rows, rows, column, columns, own.Tile, width, shape.Beta);
    }

    /// <summary>The rows that do not fill a tile, with rows of zeros to make one.</summary>
    private void PackRest<V>(float* rest) where V : unmanaged, IVector<V>
    {
        var rows = shape.M % TTile.Rows;
        if (rows > 0) a.PackGroup<V>(shape.M - rows, rows, TTile.Rows, shape.Inner, rest);
    }
}

/// <summary>Packs the left matrix of a product: an item is a group of rows.</summary>
internal readonly unsafe struct PackLeft(LeftMatrix source, int rows, int inner, int group, float* destination) : IKernel
{
    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        for (var i = start; i < end; i++)
        {
            var row = i * group;
            source.PackGroup<V>(row, Math.Min(group, rows - row), group, inner, destination + (nint)row * inner);
        }
    }
}
