using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>
/// c ← alpha · a · bᵀ + beta · c for a few rows of a, the product of generation: it is the reading of b that takes the time, so b is read where it lies, in groups of
/// rows that stay in the innermost cache until all rows of a have seen them. An item is such a group.
/// </summary>
internal readonly unsafe struct FewRows<TDots>(ProductShape shape, float* a, byte* b, nint bRow, ResultMatrix c) : IKernel where TDots : struct, IDots
{
    /// <summary>The most rows with which this is faster than packing b.</summary>
    public const int MaxRows = 8;

    /// <summary>How many items there are.</summary>
    public static int Items(int n) => (n + IDots.Rows - 1) / IDots.Rows;

    /// <summary>What an item takes: as long as so many element operations of others, since it is the reading that counts.</summary>
    public static long ItemWork(ProductShape shape, nint rowBytes) => (long)IDots.Rows * shape.M * rowBytes;

    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        var sums = stackalloc float[2 * IDots.Rows];
        for (var item = start; item < end; item++)
        {
            // The last group takes rows of the one before it to be whole.
            var first = Math.Min(item * IDots.Rows, shape.N - IDots.Rows);
            var known = item * IDots.Rows - first;
            var rows = b + first * bRow;
            for (var i = 0; i < shape.M; i += 2)
            {
                var x = a + (nint)i * shape.Inner;
                if (i + 1 < shape.M) TDots.Two<V>(x, shape.Inner, rows, bRow, shape.Inner, sums);
                else TDots.One<V>(x, rows, bRow, shape.Inner, sums);
                for (var r = i; r < Math.Min(i + 2, shape.M); r++)
                {
                    var row = sums + (r - i) * IDots.Rows;
                    (Float4.Load(row) * Float4.Create(shape.Alpha)).Store(row);
                    c.Add<Float4>(r, 1, first + known, IDots.Rows - known, row + known, 0, shape.Beta);
                }
            }
        }
    }
}
