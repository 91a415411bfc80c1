using System.Runtime.CompilerServices;
using QLora.Cpu.MachineCode;

namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>
/// The innermost part of a product of BFloat16 numbers: a rectangle of sums that stays in registers while the inner index runs, two numbers at a time. Two rows of the
/// right matrix make a vector of pairs, which is multiplied with a pair of the left one in every place.
/// </summary>
internal sealed unsafe class PairTile
{
    /// <summary>Pairs in a vector.</summary>
    public const int VectorPairs = 16;

    /// <summary>Numbers in the sums of a tile of any shape: those of 24 registers.</summary>
    public const int Sums = 24 * VectorPairs;

    private readonly void* _code;

    private PairTile(int rows, int vectors, void* code)
    {
        (Rows, Vectors) = (rows, vectors);
        _code = code;
    }

    /// <summary>24 sums of 8 by 3, 12 by 2 and 24 by 1 vectors, for wide and narrow results; null where the processor or the system has no place for them.</summary>
    public static PairTile[]? All { get; } = PairInstructions.IsInProcessor && Place((8, 3), (12, 2), (24, 1)) is { } tiles ? tiles : null;

    /// <summary>Rows of results.</summary>
    public int Rows { get; }

    /// <summary>Vectors of results in a row.</summary>
    public int Vectors { get; }

    /// <summary>Results in a row.</summary>
    public int Width => Vectors * VectorPairs;

    /// <summary>
    /// sums[r, s] ← sums[r, s] + Σ_p left[p, r]₀ · right[p, s]₀ + left[p, r]₁ · right[p, s]₁, with numbers below the smallest normal one taken for zero. The call does not
    /// tell the garbage collector, which waits for its end: some microseconds.
    /// </summary>
    /// <param name="pairs">How far the inner index runs, in pairs; at least one.</param>
    /// <param name="left">Pair p of all <see cref="Rows"/>, then pair p + 1.</param>
    /// <param name="right">Pair p of all of <see cref="Width"/>, then pair p + 1.</param>
    /// <param name="sums">Row after row.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Multiply(int pairs, uint* left, uint* right, float* sums) =>
        ((delegate* unmanaged[SuppressGCTransition]<nint, uint*, uint*, float*, void>)_code)(pairs, left, right, sums);

    private static PairTile[]? Place(params ReadOnlySpan<(int Rows, int Vectors)> shapes)
    {
        var tiles = new List<PairTile>();
        foreach (var (rows, vectors) in shapes)
        {
            var code = CodePages.TryPlace(PairTileCode.Of(rows, vectors, CallConvention.Native));
            if (code == null) return null;
            tiles.Add(new PairTile(rows, vectors, code));
        }

        return [.. tiles];
    }
}
