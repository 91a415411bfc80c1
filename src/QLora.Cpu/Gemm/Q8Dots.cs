using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu.Gemm;

/// <summary>Dot products with rows of 8-bit blocks, each of which is summed before it is scaled.</summary>
internal readonly unsafe struct Q8Dots : IDots
{
    [MethodImpl(Hot.Loop)]
    public static void One<V>(float* x, byte* w, nint wRow, int count, float* sums) where V : unmanaged, IVector<V>
    {
        V s0, s1, s2, s3;
        s0 = s1 = s2 = s3 = V.Create(0f);
        var w2 = w + 2 * wRow;
        var ahead = w + Prefetching.Distance(wRow);
        for (var end = x + count; x < end; x += Q8Block.Count, w += sizeof(Q8Block), w2 += sizeof(Q8Block), ahead += 4 * sizeof(Q8Block))
        {
            Prefetching.Read(ahead, 4 * sizeof(Q8Block));
            s0 = Add((Q8Block*)w, x, s0);
            s1 = Add((Q8Block*)(w + wRow), x, s1);
            s2 = Add((Q8Block*)w2, x, s2);
            s3 = Add((Q8Block*)(w2 + wRow), x, s3);
        }

        V.Sums(s0, s1, s2, s3).Store(sums);
    }

    [MethodImpl(Hot.Loop)]
    public static void Two<V>(float* x, nint xRow, byte* w, nint wRow, int count, float* sums) where V : unmanaged, IVector<V>
    {
        V s0, s1, s2, s3, t0, t1, t2, t3;
        s0 = s1 = s2 = s3 = t0 = t1 = t2 = t3 = V.Create(0f);
        var w2 = w + 2 * wRow;
        var ahead = w + Prefetching.Distance(wRow);
        for (var end = x + count; x < end; x += Q8Block.Count, w += sizeof(Q8Block), w2 += sizeof(Q8Block), ahead += 4 * sizeof(Q8Block))
        {
            Prefetching.Read(ahead, 4 * sizeof(Q8Block));
            (s0, t0) = Add((Q8Block*)w, x, xRow, s0, t0);
            (s1, t1) = Add((Q8Block*)(w + wRow), x, xRow, s1, t1);
            (s2, t2) = Add((Q8Block*)w2, x, xRow, s2, t2);
            (s3, t3) = Add((Q8Block*)(w2 + wRow), x, xRow, s3, t3);
        }

        V.Sums(s0, s1, s2, s3).Store(sums);
        V.Sums(t0, t1, t2, t3).Store(sums + IDots.Rows);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Add<V>(Q8Block* block, float* x, V sum) where V : unmanaged, IVector<V>
    {
        var products = V.LoadSByte(block->Codes) * V.Load(x);
        for (var i = V.Count; i < Q8Block.Count; i += V.Count) products = V.FusedMultiplyAdd(V.LoadSByte(block->Codes + i), V.Load(x + i), products);
        return V.FusedMultiplyAdd(products, V.Create(Q8Rows.Scale(block)), sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V, V) Add<V>(Q8Block* block, float* x, nint xRow, V sum, V otherSum) where V : unmanaged, IVector<V>
    {
        var codes = V.LoadSByte(block->Codes);
        var (products, others) = (codes * V.Load(x), codes * V.Load(x + xRow));
        for (var i = V.Count; i < Q8Block.Count; i += V.Count)
        {
            codes = V.LoadSByte(block->Codes + i);
            (products, others) = (V.FusedMultiplyAdd(codes, V.Load(x + i), products), V.FusedMultiplyAdd(codes, V.Load(x + xRow + i), others));
        }

        var scale = V.Create(Q8Rows.Scale(block));
        return (V.FusedMultiplyAdd(products, scale, sum), V.FusedMultiplyAdd(others, scale, otherSum));
    }
}
