using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Twelve rows by two vectors: 24 sums in the 32 registers of AVX-512, fourteen loads for 24 products.</summary>
internal readonly unsafe struct Tile12x2 : ITile
{
    public static int Rows => 12;

    public static int Vectors => 2;

    [MethodImpl(Hot.Loop)]
    public static void Multiply<V>(int inner, LeftRows a, float* b, nint bRow, float* c, nint cRow, float alpha, float beta) where V : unmanaged, IVector<V>
    {
        V c0_0, c0_1, c1_0, c1_1, c2_0, c2_1, c3_0, c3_1;
        V c4_0, c4_1, c5_0, c5_1, c6_0, c6_1, c7_0, c7_1;
        V c8_0, c8_1, c9_0, c9_1, c10_0, c10_1, c11_0, c11_1;
        c0_0 = c0_1 = c1_0 = c1_1 = c2_0 = c2_1 = c3_0 = c3_1 = c4_0 = c4_1 = c5_0 = c5_1 = V.Create(0f);
        c6_0 = c6_1 = c7_0 = c7_1 = c8_0 = c8_1 = c9_0 = c9_1 = c10_0 = c10_1 = c11_0 = c11_1 = V.Create(0f);
        var (row, step) = (a.Row, a.Inner);
        var a0 = a.Data;
        var a3 = a0 + 3 * row;
        var a6 = a0 + 6 * row;
        var a9 = a0 + 9 * row;
        for (var k = 0; k < inner; k++)
        {
            var (b0, b1) = (V.Load(b), V.Load(b + V.Count));
            var factor = V.Create(a0[0]);
            (c0_0, c0_1) = (V.FusedMultiplyAdd(factor, b0, c0_0), V.FusedMultiplyAdd(factor, b1, c0_1));
            factor = V.Create(a0[row]);
            (c1_0, c1_1) = (V.FusedMultiplyAdd(factor, b0, c1_0), V.FusedMultiplyAdd(factor, b1, c1_1));
            factor = V.Create(a0[2 * row]);
            (c2_0, c2_1) = (V.FusedMultiplyAdd(factor, b0, c2_0), V.FusedMultiplyAdd(factor, b1, c2_1));
            factor = V.Create(a3[0]);
            (c3_0, c3_1) = (V.FusedMultiplyAdd(factor, b0, c3_0), V.FusedMultiplyAdd(factor, b1, c3_1));
            factor = V.Create(a3[row]);
            (c4_0, c4_1) = (V.FusedMultiplyAdd(factor, b0, c4_0), V.FusedMultiplyAdd(factor, b1, c4_1));
            factor = V.Create(a3[2 * row]);
            (c5_0, c5_1) = (V.FusedMultiplyAdd(factor, b0, c5_0), V.FusedMultiplyAdd(factor, b1, c5_1));
            factor = V.Create(a6[0]);
            (c6_0, c6_1) = (V.FusedMultiplyAdd(factor, b0, c6_0), V.FusedMultiplyAdd(factor, b1, c6_1));
            factor = V.Create(a6[row]);
            (c7_0, c7_1) = (V.FusedMultiplyAdd(factor, b0, c7_0), V.FusedMultiplyAdd(factor, b1, c7_1));
            factor = V.Create(a6[2 * row]);
            (c8_0, c8_1) = (V.FusedMultiplyAdd(factor, b0, c8_0), V.FusedMultiplyAdd(factor, b1, c8_1));
            factor = V.Create(a9[0]);
            (c9_0, c9_1) = (V.FusedMultiplyAdd(factor, b0, c9_0), V.FusedMultiplyAdd(factor, b1, c9_1));
            factor = V.Create(a9[row]);
            (c10_0, c10_1) = (V.FusedMultiplyAdd(factor, b0, c10_0), V.FusedMultiplyAdd(factor, b1, c10_1));
            factor = V.Create(a9[2 * row]);
            (c11_0, c11_1) = (V.FusedMultiplyAdd(factor, b0, c11_0), V.FusedMultiplyAdd(factor, b1, c11_1));
            a0 += step;
            a3 += step;
            a6 += step;
            a9 += step;
            b += bRow;
        }

        var result = new TileResult<V>(alpha, beta);
        result.Store(c, c0_0, c0_1);
        result.Store(c + cRow, c1_0, c1_1);
        result.Store(c + 2 * cRow, c2_0, c2_1);
        result.Store(c + 3 * cRow, c3_0, c3_1);
        result.Store(c + 4 * cRow, c4_0, c4_1);
        result.Store(c + 5 * cRow, c5_0, c5_1);
        result.Store(c + 6 * cRow, c6_0, c6_1);
        result.Store(c + 7 * cRow, c7_0, c7_1);
        result.Store(c + 8 * cRow, c8_0, c8_1);
        result.Store(c + 9 * cRow, c9_0, c9_1);
        result.Store(c + 10 * cRow, c10_0, c10_1);
        result.Store(c + 11 * cRow, c11_0, c11_1);
    }
}
