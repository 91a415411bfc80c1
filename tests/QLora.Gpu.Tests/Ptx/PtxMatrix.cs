namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>The instructions that a warp executes together, after the layouts in the PTX ISA (matrix fragments for mma.m16n8k16 with .bf16; ldmatrix).</summary>
internal static class PtxMatrix
{
    /// <summary>
    /// ldmatrix .m8n8.x4 .b16: lane 8i + r gives the address of row r of matrix i. Of matrix i, lane l gets into its i-th register the elements (l / 4, 2 · (l mod 4)) and the
    /// next in the row; with .trans, those of the transposed matrix.
    /// </summary>
    public static void Load(PtxLane[] warp, ReadOnlySpan<int> registers, Func<PtxLane, ulong> address, bool transposed, PtxSharedMemory memory)
    {
        var elements = new ushort[4, 8, 8];
        for (var lane = 0; lane < 32; lane++)
        {
            var row = memory.Read(address(warp[lane]), 16, warp[lane].Index);
            for (var column = 0; column < 8; column++) elements[lane / 8, lane % 8, column] = (ushort)PtxBits.Read(row.Slice(2 * column, 2));
        }

        for (var lane = 0; lane < 32; lane++)
        {
            for (var i = 0; i < 4; i++)
            {
                var (row, column) = (lane / 4, 2 * (lane % 4));
                var (low, high) = transposed ? (elements[i, column, row], elements[i, column + 1, row]) : (elements[i, row, column], elements[i, row, column + 1]);
                warp[lane][registers[i]] = low | (uint)high << 16;
            }
        }
    }

    /// <summary>
    /// mma .m16n8k16 .row .col .f32 .bf16 .bf16 .f32. With g = l / 4 and t = l mod 4, lane l has of a (16 × 16) in register i the elements at row g + 8 · (i mod 2), columns
    /// 2t + 8 · (i / 2) and the next; of b (16 × 8) in register i rows 2t + 8i and the next of column g; of c and d (16 × 8) in register i row g + 8 · (i / 2), column 2t + i mod 2.
    /// </summary>
    public static void MultiplyAdd(PtxLane[] warp, ReadOnlySpan<int> d, ReadOnlySpan<int> a, ReadOnlySpan<int> b, ReadOnlySpan<int> c)
    {
        var left = new float[16, 16];
        var right = new float[16, 8];
        for (var lane = 0; lane < 32; lane++)
        {
            var (g, t) = (lane / 4, lane % 4);
            for (var i = 0; i < 4; i++)
            {
                var word = (uint)warp[lane][a[i]];
                left[g + 8 * (i % 2), 2 * t + 8 * (i / 2)] = Widen(word);
                left[g + 8 * (i % 2), 2 * t + 8 * (i / 2) + 1] = Widen(word >> 16);
            }

            for (var i = 0; i < 2; i++)
            {
                var word = (uint)warp[lane][b[i]];
                right[2 * t + 8 * i, g] = Widen(word);
                right[2 * t + 8 * i + 1, g] = Widen(word >> 16);
            }
        }

        for (var lane = 0; lane < 32; lane++)
        {
            for (var i = 0; i < 4; i++)
            {
                var (row, column) = (lane / 4 + 8 * (i / 2), 2 * (lane % 4) + i % 2);
                double sum = BitConverter.UInt32BitsToSingle((uint)warp[lane][c[i]]);
                for (var k = 0; k < 16; k++) sum += (double)left[row, k] * right[k, column];
                warp[lane][d[i]] = BitConverter.SingleToUInt32Bits((float)sum);
            }
        }
    }

    private static float Widen(uint bits) => BitConverter.UInt32BitsToSingle(bits << 16);
}
