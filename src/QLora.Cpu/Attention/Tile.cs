using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Attention;

/// <summary>
/// The product that attention is made of, of blocks that lie in the cache: six rows by two vectors of results stay in registers, twelve sums that
/// do not wait for each other, which with two vectors of b and one number of a are fifteen of the sixteen registers that every machine has.
/// </summary>
internal static unsafe class Tile
{
    /// <summary>Rows of results of one call.</summary>
    public const int Rows = 6;

    /// <summary>c[r, s] ← [c[r, s] +] Σ_k a[r·aRow + k·aInner] · b[k·bRow + s], for r below <see cref="Rows"/> and s below two vectors.</summary>
    /// <param name="a">The left matrix; with aRow = 1 it is read transposed.</param>
    /// <param name="aRow">Numbers from one row to the next.</param>
    /// <param name="aInner">Numbers from one inner index to the next.</param>
    /// <param name="b">The right matrix.</param>
    /// <param name="bRow">Numbers from one inner index to the next.</param>
    /// <param name="c">The result.</param>
    /// <param name="cRow">Numbers from one row to the next.</param>
    /// <param name="inner">The inner extent.</param>
    /// <param name="accumulate">Whether c is added to or overwritten.</param>
    [MethodImpl(Hot.Loop)]
    public static void Multiply<V>(float* a, nint aRow, nint aInner, float* b, nint bRow, float* c, nint cRow, int inner, bool accumulate)
        where V : unmanaged, IVector<V>
    {
        V c00, c01, c10, c11, c20, c21, c30, c31, c40, c41, c50, c51;
        if (accumulate)
        {
            (c00, c01) = (V.Load(c), V.Load(c + V.Count));
            (c10, c11) = (V.Load(c + cRow), V.Load(c + cRow + V.Count));
            (c20, c21) = (V.Load(c + 2 * cRow), V.Load(c + 2 * cRow + V.Count));
            (c30, c31) = (V.Load(c + 3 * cRow), V.Load(c + 3 * cRow + V.Count));
            (c40, c41) = (V.Load(c + 4 * cRow), V.Load(c + 4 * cRow + V.Count));
            (c50, c51) = (V.Load(c + 5 * cRow), V.Load(c + 5 * cRow + V.Count));
        }
        else
        {
            c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = V.Create(0f);
        }

        var a3 = a + 3 * aRow;
        for (var k = 0; k < inner; k++)
        {
            var (b0, b1) = (V.Load(b), V.Load(b + V.Count));
            var factor = V.Create(a[0]);
            (c00, c01) = (V.FusedMultiplyAdd(factor, b0, c00), V.FusedMultiplyAdd(factor, b1, c01));
            factor = V.Create(a[aRow]);
            (c10, c11) = (V.FusedMultiplyAdd(factor, b0, c10), V.FusedMultiplyAdd(factor, b1, c11));
            factor = V.Create(a[2 * aRow]);
            (c20, c21) = (V.FusedMultiplyAdd(factor, b0, c20), V.FusedMultiplyAdd(factor, b1, c21));
            factor = V.Create(a3[0]);
            (c30, c31) = (V.FusedMultiplyAdd(factor, b0, c30), V.FusedMultiplyAdd(factor, b1, c31));
            factor = V.Create(a3[aRow]);
            (c40, c41) = (V.FusedMultiplyAdd(factor, b0, c40), V.FusedMultiplyAdd(factor, b1, c41));
            factor = V.Create(a3[2 * aRow]);
            (c50, c51) = (V.FusedMultiplyAdd(factor, b0, c50), V.FusedMultiplyAdd(factor, b1, c51));
            a += aInner;
            a3 += aInner;
            b += bRow;
        }

        Store(c, c00, c01);
        Store(c + cRow, c10, c11);
        Store(c + 2 * cRow, c20, c21);
        Store(c + 3 * cRow, c30, c31);
        Store(c + 4 * cRow, c40, c41);
        Store(c + 5 * cRow, c50, c51);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Store(float* c, V left, V right)
        {
            left.Store(c);
            right.Store(c + V.Count);
        }
    }
}
