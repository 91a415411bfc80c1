using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>The extents and factors of c ← alpha · a · b + beta · c, with a of (m, inner), b of (inner, n) and c of (m, n).</summary>
internal readonly unsafe record struct ProductShape(int M, int N, int Inner, bool TransposeB, float Alpha, float Beta);

/// <summary>
/// c ← alpha · a · b + beta · c, tile by tile. Columns of b are packed into panels of a tile's width, a stretch of the inner index at a time; the left matrix
/// is read where it lies. An item is one tile of the result, panel after panel: every thread packs what its own tiles need, and at most one panel is
/// packed by two.
/// </summary>
internal readonly unsafe struct Product<TTile, TRows>(ProductShape shape, LeftMatrix a, TRows b, float* c, float* scratch) : IKernel
    where TTile : struct, ITile where TRows : struct, IRows
{
    /// <summary>The panels of the result, and the tiles of each.</summary>
    public static (int Panels, int Tiles) Items<V>(int m, int n) where V : unmanaged, IVector<V>
        => ((n + TTile.Vectors * V.Count - 1) / (TTile.Vectors * V.Count), (m + TTile.Rows - 1) / TTile.Rows);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        var memory = new ProductScratch(scratch, part);
        var width = TTile.Vectors * V.Count;
        var tiles = (shape.M + TTile.Rows - 1) / TTile.Rows;
        var blocks = Math.Max(1, (shape.Inner + ProductScratch.MaxInner - 1) / ProductScratch.MaxInner);
        var stretch = (shape.Inner / blocks + ProductScratch.InnerUnit) / ProductScratch.InnerUnit * ProductScratch.InnerUnit;
        var k = 0;
        do
        {
            var inner = Math.Min(stretch, shape.Inner - k);
            var beta = k == 0 ? shape.Beta : 1;
            PackRest(k, inner, memory.Rest);
            for (var item = start; item < end;)
            {
                var (panel, first) = (item / tiles, item % tiles);
                var last = Math.Min(tiles, first + end - item);
                var columns = Math.Min(width, shape.N - panel * width);
                if (shape.TransposeB) Panel.PackTransposed<V, TRows>(b, k, inner, panel * width, columns, width, memory.Panel, memory.Rows);
                else b.ReadRows<V>(k, inner, panel * width, columns, memory.Panel, width, memory.Rows);
                for (var tile = first; tile < last; tile++) MultiplyTile<V>(tile, panel * width, columns, k, inner, beta, memory);
                item += last - first;
            }

            k += inner;
        }
        while (k < shape.Inner);
    }

    private void MultiplyTile<V>(int tile, int column, int columns, int k, int inner, float beta, ProductScratch memory) where V : unmanaged, IVector<V>
    {
        var width = TTile.Vectors * V.Count;
        var row = tile * TTile.Rows;
        var rows = Math.Min(TTile.Rows, shape.M - row);
        var left = rows == TTile.Rows ? a.From(row, k) : new LeftMatrix(memory.Rest, 1, TTile.Rows);
        var corner = c + (nint)row * shape.N + column;
        if (rows == TTile.Rows && columns == width)
        {
            TTile.Multiply<V>(inner, left, memory.Panel, width, corner, shape.N, shape.Alpha, beta);
            return;
        }

        TTile.Multiply<V>(inner, left, memory.Panel, width, memory.Tile, width, shape.Alpha, 0);
        for (var i = 0; i < rows; i++)
        {
            var result = corner + (nint)i * shape.N;
            var sums = memory.Tile + i * width;
            for (var j = 0; j < columns; j++) result[j] = beta == 0 ? sums[j] : MathF.FusedMultiplyAdd(result[j], beta, sums[j]);
        }
    }

    /// <summary>The rows that do not fill a tile, with rows of zeros to make one.</summary>
    private void PackRest(int k, int inner, float* rest)
    {
        var rows = shape.M % TTile.Rows;
        if (rows == 0) return;
        var from = a.From(shape.M - rows, k);
        for (var i = 0; i < inner; i++)
        {
            for (var row = 0; row < TTile.Rows; row++) rest[i * TTile.Rows + row] = row < rows ? from.Data[row * from.Row + i * from.Inner] : 0;
        }
    }
}

/// <summary>The scratch memory of one thread in a product.</summary>
internal readonly unsafe struct ProductScratch(float* scratch, int part)
{
    /// <summary>The longest stretch of the inner index, so that the panels of it stay in the cache.</summary>
    public const int MaxInner = 576;

    /// <summary>What stretches are a multiple of: the usual size of a quantisation block.</summary>
    public const int InnerUnit = 64;

    private const int MaxWidth = 48, MaxRows = 16, TileSize = 384;
    private const int PanelSize = (MaxInner + Cpu.Gemm.Panel.ExtraRows) * MaxWidth;
    private const int RestSize = MaxInner * MaxRows;

    /// <summary>Numbers that one thread needs.</summary>
    public const int Size = PanelSize + RestSize + Cpu.Gemm.Panel.ScratchSize + TileSize;

    private readonly float* _scratch = scratch + (nint)part * Size;

    /// <summary>A panel of the right matrix.</summary>
    public float* Panel => _scratch;

    /// <summary>The last rows of the left matrix, inner index after inner index.</summary>
    public float* Rest => _scratch + PanelSize;

    /// <summary>Some stored rows that become columns.</summary>
    public float* Rows => Rest + RestSize;

    /// <summary>A tile of results that reaches beyond the matrix.</summary>
    public float* Tile => Rows + Cpu.Gemm.Panel.ScratchSize;
}
