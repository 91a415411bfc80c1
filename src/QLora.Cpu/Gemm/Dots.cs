using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Dot products with rows of a dense weight.</summary>
internal readonly unsafe struct Dots<TFormat> : IDots where TFormat : struct, INumberFormat
{
    [MethodImpl(Hot.Loop)]
    public static void One<V>(float* x, byte* w, nint wRow, int count, float* sums) where V : unmanaged, IVector<V>
    {
        V s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = V.Create(0f);
        var w2 = w + 2 * wRow;
        var step = (nint)V.Count * TFormat.Size;
        var i = 0;
        for (; i <= count - V.Count; i += V.Count, w += step, w2 += step)
        {
            // The rows of the next call: short as rows are, memory would not be read ahead far enough.
            if (Sse.IsSupported)
            {
                Sse.PrefetchNonTemporal(w + 4 * wRow);
                Sse.PrefetchNonTemporal(w + 5 * wRow);
                Sse.PrefetchNonTemporal(w2 + 4 * wRow);
                Sse.PrefetchNonTemporal(w2 + 5 * wRow);
            }

            var factor = V.Load(x + i);
            s0 = V.FusedMultiplyAdd(factor, TFormat.Load<V>(w), s0);
            s1 = V.FusedMultiplyAdd(factor, TFormat.Load<V>(w + wRow), s1);
            s2 = V.FusedMultiplyAdd(factor, TFormat.Load<V>(w2), s2);
            s3 = V.FusedMultiplyAdd(factor, TFormat.Load<V>(w2 + wRow), s3);
        }

        V.Sums(s0, s1, s2, s3).Store(sums);
        if (i < count) AddRest(x + i, w, wRow, count - i, sums);
    }

    [MethodImpl(Hot.Loop)]
    public static void Two<V>(float* x, nint xRow, byte* w, nint wRow, int count, float* sums) where V : unmanaged, IVector<V>
    {
        V s0, s1, s2, s3, t0, t1, t2, t3;
        s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = V.Create(0f);
        var w2 = w + 2 * wRow;
        var step = (nint)V.Count * TFormat.Size;
        var i = 0;
        for (; i <= count - V.Count; i += V.Count, w += step, w2 += step)
        {
            var (factor, other) = (V.Load(x + i), V.Load(x + xRow + i));
            var weight = TFormat.Load<V>(w);
            (s0, t0) = (V.FusedMultiplyAdd(factor, weight, s0), V.FusedMultiplyAdd(other, weight, t0));
            weight = TFormat.Load<V>(w + wRow);
            (s1, t1) = (V.FusedMultiplyAdd(factor, weight, s1), V.FusedMultiplyAdd(other, weight, t1));
            weight = TFormat.Load<V>(w2);
            (s2, t2) = (V.FusedMultiplyAdd(factor, weight, s2), V.FusedMultiplyAdd(other, weight, t2));
            weight = TFormat.Load<V>(w2 + wRow);
            (s3, t3) = (V.FusedMultiplyAdd(factor, weight, s3), V.FusedMultiplyAdd(other, weight, t3));
        }

        V.Sums(s0, s1, s2, s3).Store(sums);
        V.Sums(t0, t1, t2, t3).Store(sums + IDots.Rows);
        if (i < count) AddRest(x + i, w, wRow, count - i, sums);
        if (i < count) AddRest(x + xRow + i, w, wRow, count - i, sums + IDots.Rows);
    }

    private static void AddRest(float* x, byte* w, nint wRow, int count, float* sums)
    {
        for (var j = 0; j < IDots.Rows; j++)
        {
            for (var i = 0; i < count; i++) sums[j] += x[i] * Float1.Sum(TFormat.Load<Float1>(w + j * wRow + (nint)i * TFormat.Size));
        }
    }
}
