namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>The tiles of products of packed matrices, which differ in what becomes of their sums.</summary>
internal sealed class PackedPairTile
{
    /// <summary>Numbers in the sums of a tile of any shape: those of 24 registers.</summary>
    public const int Sums = 24 * PairTile.VectorPairs;

    private PackedPairTile(PairTile first, PairTile more, PairTile rounded) => (First, More, Rounded) = (first, more, rounded);

    /// <summary>24 sums of 8 by 3, 12 by 2 and 24 by 1 vectors, for wide and narrow results; null where the processor or the system has no place for them.</summary>
    public static PackedPairTile[]? All { get; } = TryPlace((8, 3), (12, 2), (24, 1));

    /// <summary>Begins sums.</summary>
    public PairTile First { get; }

    /// <summary>Adds to sums.</summary>
    public PairTile More { get; }

    /// <summary>Sums that are complete at once, rounded to BFloat16.</summary>
    public PairTile Rounded { get; }

    /// <summary>Rows of results.</summary>
    public int Rows => First.Rows;

    /// <summary>Vectors of results in a row.</summary>
    public int Vectors => First.Vectors;

    /// <summary>Results in a row.</summary>
    public int Width => First.Width;

    private static PackedPairTile[]? TryPlace(params ReadOnlySpan<(int Rows, int Vectors)> shapes)
    {
        var tiles = new List<PackedPairTile>();
        foreach (var (rows, vectors) in shapes)
        {
            var layout = PairTileLayout.Packed(rows, vectors * PairTile.VectorPairs);
            if (PairTile.TryPlace(rows, vectors, layout) is not { } first
                || PairTile.TryPlace(rows, vectors, layout with { Accumulates = true }) is not { } more
                || PairTile.TryPlace(rows, vectors, layout with { Rounds = true }) is not { } rounded) return null;
            tiles.Add(new(first, more, rounded));
        }

        return [.. tiles];
    }
}
