namespace QLora.Cpu.Gemm;

/// <summary>
/// The panel that a thread packs next, as far as one knows: while the tiles of the one before are multiplied, its rows are asked for, a piece at a time. Only what is stored
/// transposed is: a panel of that is one stretch of memory; of the columns of other matrices, most lie in lines that the panel before has read.
/// </summary>
/// <param name="right">The matrix.</param>
/// <param name="shape">Of the product.</param>
/// <param name="firstInner">Its first inner index.</param>
/// <param name="column">The first column of the panel.</param>
/// <param name="width">Of a panel.</param>
/// <param name="tiles">Into how many pieces it falls.</param>
internal readonly struct PanelAhead<TRows>(TRows right, ProductShape shape, int firstInner, int column, int width, int tiles) where TRows : struct, IRows
{
    /// <summary>Asks for the piece that falls to a tile.</summary>
    public void Prefetch(int tile)
    {
        var columns = Math.Min(width, shape.N - column);
        if (!shape.TransposeB || columns <= 0) return;
        var (start, end) = (columns * tile / tiles, columns * (tile + 1) / tiles);
        right.Prefetch(column + start, end - start, firstInner, shape.Inner);
    }
}
