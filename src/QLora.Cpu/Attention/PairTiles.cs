using System.Collections.Concurrent;
using QLora.Cpu.Gemm.BFloat16;

namespace QLora.Cpu.Attention;

/// <summary>The tiles of attention on pairs of BFloat16 numbers. The distances between its operands' rows are part of the code, so there are some for each head size.</summary>
internal sealed class PairTiles
{
    /// <summary>Rows of results, as <see cref="Tile.Rows"/> says for vectors of this width.</summary>
    public const int Rows = 12;

    /// <summary>Results in a row.</summary>
    public const int Width = 2 * PairTile.VectorPairs;

    private static readonly ConcurrentDictionary<int, PairTiles?> OfSize = [];

    private PairTiles(int size, PairTile scores, PairTile sums, PairTile moreSums, PairTile moreSumsOfKeys) =>
        (Size, Scores, Sums, MoreSums, MoreSumsOfKeys) = (size, scores, sums, moreSums, moreSumsOfKeys);

    /// <summary>The padded head size.</summary>
    public int Size { get; }

    /// <summary>Queries in rows by panels of keys.</summary>
    public PairTile Scores { get; }

    /// <summary>Weights in rows by pairs of keys.</summary>
    public PairTile Sums { get; }

    /// <summary>The same, added to what is there.</summary>
    public PairTile MoreSums { get; }

    /// <summary>Weights in pairs of rows, transposed, by pairs of queries, added to what is there.</summary>
    public PairTile MoreSumsOfKeys { get; }

    /// <summary>Those of a head size; null where the system has no place for them.</summary>
    /// <param name="size">Padded.</param>
    public static PairTiles? Of(int size) => OfSize.GetOrAdd(size, static size =>
    {
        const int Keys = KeyPack.Block;
        return PairTile.TryPlace(Rows, 2, new(size / 2, 1, Width, Keys)) is { } scores
            && PairTile.TryPlace(Rows, 2, new(Keys / 2, 1, size, size)) is { } sums
            && PairTile.TryPlace(Rows, 2, new(Keys / 2, 1, size, size, Accumulates: true)) is { } moreSums
            && PairTile.TryPlace(Rows, 2, new(1, Keys, size, size, Accumulates: true)) is { } moreSumsOfKeys
            ? new PairTiles(size, scores, sums, moreSums, moreSumsOfKeys) : null;
    });
}
