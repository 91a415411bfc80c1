using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Eight rows by three vectors: 24 sums and the three vectors of b in the 32 registers of AVX-512, eleven loads for 24 products.</summary>
internal readonly unsafe struct Tile8x3 : ITile
{
    public static int Rows => 8;

    public static int Vectors => 3;

    [MethodImpl(Hot.Loop)]
    public static void Multiply<V>(int inner, LeftRows a, float* b, nint bRow, float* c, nint cRow, float alpha, float beta) where V : unmanaged, IVector<V>
    {
        V c00, c01, c02, c10, c11, c12, c20, c21, c22, c30, c31, c32;
        V c40, c41, c42, c50, c51, c52, c60, c61, c62, c70, c71, c72;
        c00 = c01 = c02 = c10 = c11 = c12 = c20 = c21 = c22 = c30 = c31 = c32 = V.Create(0f);
        c40 = c41 = c42 = c50 = c51 = c52 = c60 = c61 = c62 = c70 = c71 = c72 = V.Create(0f);
        var (row, step) = (a.Row, a.Inner);
        var a0 = a.Data;
        var a3 = a0 + 3 * row;
        var a6 = a0 + 6 * row;
        for (var k = 0; k < inner; k++)
        {
            var (b0, b1, b2) = (V.Load(b), V.Load(b + V.Count), V.Load(b + 2 * V.Count));
            var factor = V.Create(a0[0]);
            (c00, c01, c02) = (V.FusedMultiplyAdd(factor, b0, c00), V.FusedMultiplyAdd(factor, b1, c01), V.FusedMultiplyAdd(factor, b2, c02));
            factor = V.Create(a0[row]);
            (c10, c11, c12) = (V.FusedMultiplyAdd(factor, b0, c10), V.FusedMultiplyAdd(factor, b1, c11), V.FusedMultiplyAdd(factor, b2, c12));
            factor = V.Create(a0[2 * row]);
            (c20, c21, c22) = (V.FusedMultiplyAdd(factor, b0, c20), V.FusedMultiplyAdd(factor, b1, c21), V.FusedMultiplyAdd(factor, b2, c22));
            factor = V.Create(a3[0]);
            (c30, c31, c32) = (V.FusedMultiplyAdd(factor, b0, c30), V.FusedMultiplyAdd(factor, b1, c31), V.FusedMultiplyAdd(factor, b2, c32));
            factor = V.Create(a3[row]);
            (c40, c41, c42) = (V.FusedMultiplyAdd(factor, b0, c40), V.FusedMultiplyAdd(factor, b1, c41), V.FusedMultiplyAdd(factor, b2, c42));
            factor = V.Create(a3[2 * row]);
            (c50, c51, c52) = (V.FusedMultiplyAdd(factor, b0, c50), V.FusedMultiplyAdd(factor, b1, c51), V.FusedMultiplyAdd(factor, b2, c52));
            factor = V.Create(a6[0]);
            (c60, c61, c62) = (V.FusedMultiplyAdd(factor, b0, c60), V.FusedMultiplyAdd(factor, b1, c61), V.FusedMultiplyAdd(factor, b2, c62));
            factor = V.Create(a6[row]);
            (c70, c71, c72) = (V.FusedMultiplyAdd(factor, b0, c70), V.FusedMultiplyAdd(factor, b1, c71), V.FusedMultiplyAdd(factor, b2, c72));
            a0 += step;
            a3 += step;
            a6 += step;
            b += bRow;
        }

        var result = new TileResult<V>(alpha, beta);
        result.Store(c, c00, c01, c02);
        result.Store(c + cRow, c10, c11, c12);
        result.Store(c + 2 * cRow, c20, c21, c22);
        result.Store(c + 3 * cRow, c30, c31, c32);
        result.Store(c + 4 * cRow, c40, c41, c42);
        result.Store(c + 5 * cRow, c50, c51, c52);
        result.Store(c + 6 * cRow, c60, c61, c62);
        result.Store(c + 7 * cRow, c70, c71, c72);
    }
}
