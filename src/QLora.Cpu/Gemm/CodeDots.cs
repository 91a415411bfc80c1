using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>
/// Dot products of rows with rows of a 4-bit weight, whose codes never leave the registers: a vector holds eight codes in each place, and shifting it gives
/// eight vectors of values. The rows are put in that order beforehand: number i · 8 + s of a chunk at s · width + i.
/// </summary>
internal static unsafe class CodeDots<V> where V : unmanaged, IRegisterTable<V>
{
    /// <summary>Numbers in a chunk: eight vectors.</summary>
    public static int Chunk => 8 * V.Count;

    /// <summary>The numbers that a row has when it is whole chunks.</summary>
    public static int Padded(int count) => (count + Chunk - 1) / Chunk * Chunk;

    /// <summary>Puts a row, in single precision, in the order of the codes, with zeros to make whole chunks.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Arrange<TFormat>(DenseRows<TFormat> matrix, int row, int count, float* destination) where TFormat : struct, INumberFormat
    {
        var chunk = stackalloc float[128];
        for (var start = 0; start < count; start += Chunk, destination += Chunk)
        {
            var numbers = Math.Min(Chunk, count - start);
            matrix.Read<V>(row, start, numbers, chunk);
            new Span<float>(chunk + numbers, Chunk - numbers).Clear();
            for (var i = 0; i < V.Count; i += 8) Float8.Transpose(chunk + 8 * i, 8, destination + i, V.Count);
        }
    }

    /// <summary>sums[j] ← Σ_k x[k] · w[j, k] for four rows of the weight, and what a branch of whole vectors adds to them.</summary>
    /// <param name="x">An arranged row.</param>
    /// <param name="codes">The first row of the weight.</param>
    /// <param name="rowBytes">Bytes from one row to the next; whole vectors may be read of each.</param>
    /// <param name="scales">The scale of every <see cref="ICodeScales.Codes"/> codes, of row after row.</param>
    /// <param name="scaleRow">Scales from one row to the next.</param>
    /// <param name="chunks">Chunks of a row.</param>
    /// <param name="table">The values of the codes.</param>
    /// <param name="u">A row of a branch.</param>
    /// <param name="v">Four rows of the branch's other matrix, row after row.</param>
    /// <param name="rank">Numbers of those rows, whole vectors; 0 without a branch.</param>
    /// <param name="sums">The results.</param>
    [MethodImpl(Hot.Loop)]
    public static void One<TScales>(float* x, byte* codes, nint rowBytes, float* scales, nint scaleRow, int chunks, float* table, float* u, float* v, int rank, float* sums)
        where TScales : struct, ICodeScales
    {
        var (first, second) = (V.Load(table), V.Load(table + 16 - V.Count));
        V s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = V.Create(0f);
        for (var k = 0; k < rank; k += V.Count)
        {
            var factor = V.Load(u + k);
            s0 = V.FusedMultiplyAdd(factor, V.Load(v + k), s0);
            s1 = V.FusedMultiplyAdd(factor, V.Load(v + rank + k), s1);
            s2 = V.FusedMultiplyAdd(factor, V.Load(v + 2 * rank + k), s2);
            s3 = V.FusedMultiplyAdd(factor, V.Load(v + 3 * rank + k), s3);
        }

        var lower = codes + 2 * rowBytes;
        var lowerScales = scales + 2 * scaleRow;
        var ahead = codes + Prefetching.Distance(rowBytes);
        for (var chunk = 0; chunk < chunks; chunk++, ahead += 4 * 4 * V.Count)
        {
            Prefetching.Read(ahead, 4 * 4 * V.Count);
            var (codes0, codes1, codes2, codes3) = (V.Load((float*)codes), V.Load((float*)(codes + rowBytes)), V.Load((float*)lower), V.Load((float*)(lower + rowBytes)));
            V p0, p1, p2, p3;
            p0 = p1 = p2 = p3 = V.Create(0f);
            Step(4, V.Load(x));
            Step(0, V.Load(x + V.Count));
            Step(12, V.Load(x + 2 * V.Count));
            Step(8, V.Load(x + 3 * V.Count));
            Step(20, V.Load(x + 4 * V.Count));
            Step(16, V.Load(x + 5 * V.Count));
            Step(28, V.Load(x + 6 * V.Count));
            Step(24, V.Load(x + 7 * V.Count));
            s0 = V.FusedMultiplyAdd(p0, TScales.Load<V>(scales), s0);
            s1 = V.FusedMultiplyAdd(p1, TScales.Load<V>(scales + scaleRow), s1);
            s2 = V.FusedMultiplyAdd(p2, TScales.Load<V>(lowerScales), s2);
            s3 = V.FusedMultiplyAdd(p3, TScales.Load<V>(lowerScales + scaleRow), s3);
            x += Chunk;
            codes += 4 * V.Count;
            lower += 4 * V.Count;
            scales += Chunk / TScales.Codes;
            lowerScales += Chunk / TScales.Codes;

            // A number of all four rows, so that sums that do not wait for each other stand side by side.
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            void Step(int shift, V factor)
            {
                p0 = V.FusedMultiplyAdd(V.LookUp(codes0, shift, first, second), factor, p0);
                p1 = V.FusedMultiplyAdd(V.LookUp(codes1, shift, first, second), factor, p1);
                p2 = V.FusedMultiplyAdd(V.LookUp(codes2, shift, first, second), factor, p2);
                p3 = V.FusedMultiplyAdd(V.LookUp(codes3, shift, first, second), factor, p3);
            }
        }

        V.Sums(s0, s1, s2, s3).Store(sums);
    }

    /// <summary>sums[j · 4 + r] ← Σ_k x[r, k] · w[j, k] for two rows of the weight and four arranged rows; the rest as in <see cref="One"/>.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Four<TScales>(float* x, nint xRow, byte* codes, nint rowBytes, float* scales, nint scaleRow, int chunks, float* table, float* sums) where TScales : struct, ICodeScales
    {
        var (first, second) = (V.Load(table), V.Load(table + 16 - V.Count));
        V s0, s1, s2, s3, t0, t1, t2, t3;
        s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = V.Create(0f);
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            var (codes0, codes1) = (V.Load((float*)codes), V.Load((float*)(codes + rowBytes)));
            var (scale0, scale1) = (TScales.Load<V>(scales), TScales.Load<V>(scales + scaleRow));
            for (var step = 0; step < 8; step++)
            {
                // Of a byte's two codes the upper is the first.
                var shift = 4 * (step ^ 1);
                var (weight0, weight1) = (V.LookUp(codes0, shift, first, second) * scale0, V.LookUp(codes1, shift, first, second) * scale1);
                var factor = V.Load(x);
                (s0, t0) = (V.FusedMultiplyAdd(factor, weight0, s0), V.FusedMultiplyAdd(factor, weight1, t0));
                factor = V.Load(x + xRow);
                (s1, t1) = (V.FusedMultiplyAdd(factor, weight0, s1), V.FusedMultiplyAdd(factor, weight1, t1));
                factor = V.Load(x + 2 * xRow);
                (s2, t2) = (V.FusedMultiplyAdd(factor, weight0, s2), V.FusedMultiplyAdd(factor, weight1, t2));
                factor = V.Load(x + 3 * xRow);
                (s3, t3) = (V.FusedMultiplyAdd(factor, weight0, s3), V.FusedMultiplyAdd(factor, weight1, t3));
                x += V.Count;
            }

            codes += 4 * V.Count;
            scales += Chunk / TScales.Codes;
        }

        V.Sums(s0, s1, s2, s3).Store(sums);
        V.Sums(t0, t1, t2, t3).Store(sums + 4);
    }
}
