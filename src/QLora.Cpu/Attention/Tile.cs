using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>The product that attention is made of, of blocks that lie in the cache: that tile two vectors wide which fills the registers of the width.</summary>
internal static unsafe class Tile
{
    /// <summary>The most rows of results of one call; a multiple of those at any width.</summary>
    public const int MostRows = 12;

    /// <summary>Rows of results of one call.</summary>
    public static int Rows<V>() where V : unmanaged, IVector<V> => V.Count == Float16.Count ? Tile12x2.Rows : Tile6x2.Rows;

    /// <summary>c[r, s] ← [c[r, s] +] Σ_k a[r, k] · b[k·bRow + s], for r below <see cref="Rows"/> and s below two vectors.</summary>
    /// <param name="a">The left matrix, either way round.</param>
    /// <param name="b">The right matrix.</param>
    /// <param name="bRow">Numbers from one inner index to the next.</param>
    /// <param name="c">The result.</param>
    /// <param name="cRow">Numbers from one row to the next.</param>
    /// <param name="inner">The inner extent.</param>
    /// <param name="accumulate">Whether c is added to or overwritten.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<V>(LeftRows a, float* b, nint bRow, float* c, nint cRow, int inner, bool accumulate) where V : unmanaged, IVector<V>
    {
        var beta = accumulate ? 1f : 0f;
        if (V.Count == Float16.Count) Tile12x2.Multiply<V>(inner, a, b, bRow, c, cRow, 1, beta);
        else Tile6x2.Multiply<V>(inner, a, b, bRow, c, cRow, 1, beta);
    }
}
