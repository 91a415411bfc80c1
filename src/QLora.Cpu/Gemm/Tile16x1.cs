using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Sixteen rows by one vector, for products that have no more columns: a number of the left matrix is loaded for each product.</summary>
internal readonly unsafe struct Tile16x1 : ITile
{
    public static int Rows => 16;

    public static int Vectors => 1;

    [MethodImpl(Hot.Loop)]
    public static void Multiply<V>(int inner, LeftRows a, float* b, nint bRow, float* c, nint cRow, float alpha, float beta) where V : unmanaged, IVector<V>
    {
        V c0, c1, c2, c3;
        V c4, c5, c6, c7;
        V c8, c9, c10, c11;
        V c12, c13, c14, c15;
        c0 = c1 = c2 = c3 = c4 = c5 = c6 = c7 = c8 = c9 = c10 = c11 = V.Create(0f);
        c12 = c13 = c14 = c15 = V.Create(0f);
        var (row, step) = (a.Row, a.Inner);
        var a0 = a.Data;
        var a3 = a0 + 3 * row;
        var a6 = a0 + 6 * row;
        var a9 = a0 + 9 * row;
        var a12 = a0 + 12 * row;
        var a15 = a0 + 15 * row;
        for (var k = 0; k < inner; k++)
        {
            var b0 = V.Load(b);
            c0 = V.FusedMultiplyAdd(V.Create(a0[0]), b0, c0);
            c1 = V.FusedMultiplyAdd(V.Create(a0[row]), b0, c1);
            c2 = V.FusedMultiplyAdd(V.Create(a0[2 * row]), b0, c2);
            c3 = V.FusedMultiplyAdd(V.Create(a3[0]), b0, c3);
            c4 = V.FusedMultiplyAdd(V.Create(a3[row]), b0, c4);
            c5 = V.FusedMultiplyAdd(V.Create(a3[2 * row]), b0, c5);
            c6 = V.FusedMultiplyAdd(V.Create(a6[0]), b0, c6);
            c7 = V.FusedMultiplyAdd(V.Create(a6[row]), b0, c7);
            c8 = V.FusedMultiplyAdd(V.Create(a6[2 * row]), b0, c8);
            c9 = V.FusedMultiplyAdd(V.Create(a9[0]), b0, c9);
            c10 = V.FusedMultiplyAdd(V.Create(a9[row]), b0, c10);
            c11 = V.FusedMultiplyAdd(V.Create(a9[2 * row]), b0, c11);
            c12 = V.FusedMultiplyAdd(V.Create(a12[0]), b0, c12);
            c13 = V.FusedMultiplyAdd(V.Create(a12[row]), b0, c13);
            c14 = V.FusedMultiplyAdd(V.Create(a12[2 * row]), b0, c14);
            c15 = V.FusedMultiplyAdd(V.Create(a15[0]), b0, c15);
            a0 += step;
            a3 += step;
            a6 += step;
            a9 += step;
            a12 += step;
            a15 += step;
            b += bRow;
        }

        var result = new TileResult<V>(alpha, beta);
        result.Store(c, c0);
        result.Store(c + cRow, c1);
        result.Store(c + 2 * cRow, c2);
        result.Store(c + 3 * cRow, c3);
        result.Store(c + 4 * cRow, c4);
        result.Store(c + 5 * cRow, c5);
        result.Store(c + 6 * cRow, c6);
        result.Store(c + 7 * cRow, c7);
        result.Store(c + 8 * cRow, c8);
        result.Store(c + 9 * cRow, c9);
        result.Store(c + 10 * cRow, c10);
        result.Store(c + 11 * cRow, c11);
        result.Store(c + 12 * cRow, c12);
        result.Store(c + 13 * cRow, c13);
        result.Store(c + 14 * cRow, c14);
        result.Store(c + 15 * cRow, c15);
    }
}
