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

    private readonly delegate* unmanaged[SuppressGCTransition]<nint, uint*, uint*, float*, void> _code;

    private PairTile(int rows, int vectors, void* code)
    {
        (Rows, Vectors) = (rows, vectors);
        _code = (delegate* unmanaged[SuppressGCTransition]<nint, uint*, uint*, float*, void>)code;
    }

    /// <summary>Rows of results.</summary>
    public int Rows { get; }

    /// <summary>Vectors of results in a row.</summary>
    public int Vectors { get; }

    /// <summary>Results in a row.</summary>
    public int Width => Vectors * VectorPairs;

    /// <summary>A tile whose operands lie as they say; null where the processor or the system has no place for it.</summary>
    public static PairTile? TryPlace(int rows, int vectors, PairTileLayout layout)
    {
        if (!PairInstructions.IsInProcessor) return null;
        var code = CodePages.TryPlace(PairTileCode.Of(rows, vectors, layout, CallConvention.Native));
        return code == null ? null : new PairTile(rows, vectors, code);
    }

    /// <summary>
    /// sums[r, s] ← [sums[r, s] +] Σ_p left[p, r]₀ · right[p, s]₀ + left[p, r]₁ · right[p, s]₁, with numbers below the smallest normal one taken for zero. The call does not
    /// tell the garbage collector, which waits for its end: some microseconds.
    /// </summary>
    /// <param name="pairs">How far the inner index runs, in pairs; at least one.</param>
    /// <param name="left">The pairs of <see cref="Rows"/> rows; packed, pair p of all of them, then pair p + 1.</param>
    /// <param name="right">The pairs of <see cref="Width"/> columns; pair p of all of them side by side.</param>
    /// <param name="sums">Row after row; room for BFloat16 numbers where the layout rounds.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Multiply(int pairs, uint* left, uint* right, float* sums) => _code(pairs, left, right, sums);
}
