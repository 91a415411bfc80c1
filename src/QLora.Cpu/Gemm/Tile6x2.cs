using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Six rows by two vectors: twelve sums, which with two vectors of b and one number of a are fifteen of the sixteen registers that every machine has.</summary>
internal readonly unsafe struct Tile6x2 : ITile
{
    public static int Rows => 6;

    public static int Vectors => 2;

    [MethodImpl(Hot.Loop)]
    public static void Multiply<V>(int inner, LeftRows a, float* b, nint bRow, float* c, nint cRow, float alpha, float beta) where V : unmanaged, IVector<V>
    {
        V c00, c01, c10, c11, c20, c21, c30, c31;
        V c40, c41, c50, c51;
        c00 = c01 = c10 = c11 = c20 = c21 = c30 = c31 = c40 = c41 = c50 = c51 = V.Create(0f);
        var (row, step) = (a.Row, a.Inner);
        var a0 = a.Data;
        var a3 = a0 + 3 * row;
        for (var k = 0; k < inner; k++)
        {
            var (b0, b1) = (V.Load(b), V.Load(b + V.Count));
            var factor = V.Create(a0[0]);
            (c00, c01) = (V.FusedMultiplyAdd(factor, b0, c00), V.FusedMultiplyAdd(factor, b1, c01));
            factor = V.Create(a0[row]);
            (c10, c11) = (V.FusedMultiplyAdd(factor, b0, c10), V.FusedMultiplyAdd(factor, b1, c11));
            factor = V.Create(a0[2 * row]);
            (c20, c21) = (V.FusedMultiplyAdd(factor, b0, c20), V.FusedMultiplyAdd(factor, b1, c21));
            factor = V.Create(a3[0]);
            (c30, c31) = (V.FusedMultiplyAdd(factor, b0, c30), V.FusedMultiplyAdd(factor, b1, c31));
            factor = V.Create(a3[row]);
            (c40, c41) = (V.FusedMultiplyAdd(factor, b0, c40), V.FusedMultiplyAdd(factor, b1, c41));
            factor = V.Create(a3[2 * row]);
            (c50, c51) = (V.FusedMultiplyAdd(factor, b0, c50), V.FusedMultiplyAdd(factor, b1, c51));
            a0 += step;
            a3 += step;
            b += bRow;
        }

        var result = new TileResult<V>(alpha, beta);
        result.Store(c, c00, c01);
        result.Store(c + cRow, c10, c11);
        result.Store(c + 2 * cRow, c20, c21);
        result.Store(c + 3 * cRow, c30, c31);
        result.Store(c + 4 * cRow, c40, c41);
        result.Store(c + 5 * cRow, c50, c51);
    }
}
