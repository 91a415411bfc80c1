using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>
/// c ← alpha · a · bᵀ + beta · c for a few rows of a, the product of generation: it is the reading of b that takes the time, so b is read where it lies, in groups of
/// rows that stay in the innermost cache until all rows of a have seen them. An item is such a group.
/// </summary>
internal readonly unsafe struct FewRows<TFormat>(ProductShape shape, float* a, DenseRows<TFormat> b, float* c) : IKernel where TFormat : struct, INumberFormat
{
    /// <summary>The most rows with which this is faster than packing b.</summary>
    public const int MaxRows = 8;

    /// <summary>How many items there are.</summary>
    public static int Items(int n) => (n + Dots<TFormat>.Rows - 1) / Dots<TFormat>.Rows;

    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        var sums = stackalloc float[2 * Dots<TFormat>.Rows];
        for (var item = start; item < end; item++)
        {
            // The last group takes rows of the one before it to be whole.
            var first = Math.Min(item * Dots<TFormat>.Rows, shape.N - Dots<TFormat>.Rows);
            var known = item * Dots<TFormat>.Rows - first;
            var rows = b.Row(first);
            for (var i = 0; i < shape.M; i += 2)
            {
                var x = a + (nint)i * shape.Inner;
                if (i + 1 < shape.M) Dots<TFormat>.Two<V>(x, shape.Inner, rows, b.RowBytes, shape.Inner, sums);
                else Dots<TFormat>.One<V>(x, rows, b.RowBytes, shape.Inner, sums);
                for (var r = i; r < Math.Min(i + 2, shape.M); r++)
                {
                    var result = c + (nint)r * shape.N + first;
                    if (known == 0) shape.Store(Float4.Load(sums + (r - i) * Dots<TFormat>.Rows), result);
                    for (var j = known; known > 0 && j < Dots<TFormat>.Rows; j++) result[j] = shape.Result(sums[(r - i) * Dots<TFormat>.Rows + j], result[j]);
                }
            }
        }
    }
}
