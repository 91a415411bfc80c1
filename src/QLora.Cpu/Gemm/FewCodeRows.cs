using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>
/// y ← x · dequant(W)ᵀ + u · Vᵀ + beta · y for a few rows of x, the product of generation. Every code is read once, in groups of four rows of W that stay in the innermost
/// cache until all rows of x have seen them. An item is such a group.
/// </summary>
internal readonly unsafe struct FewCodeRows(ProductShape shape, QuantizedRows w, FewBranchRows branch, ResultMatrix y, ProductMemory memory) : IKernel
{
    /// <summary>The most rows with which this is faster than packing W.</summary>
    public const int MaxRows = 4;

    /// <summary>Rows of W in an item.</summary>
    public const int Group = 4;

    /// <summary>How many items there are.</summary>
    public static int Items(int n) => (n + Group - 1) / Group;

    /// <summary>Whether the product can be done so: eight codes lie in one block, and there is scratch memory for the rows.</summary>
    public static bool Fits(ProductShape shape, QuantizedRows w) =>
        shape.M <= MaxRows && shape.N >= Group && shape.TransposeB && w.HasScaleOfEach(ScalesOfEights.Codes) && shape.Inner <= ProductMemory.MaxFewInner;

    /// <summary>Puts all rows in the order of the codes, and where three are left, a row of zeros to make them four.</summary>
    public static void Arrange<V, TFormat>(ProductShape shape, byte* x, ProductMemory memory) where V : unmanaged, IRegisterTable<V> where TFormat : struct, INumberFormat
    {
        var rows = new DenseRows<TFormat>(x, shape.Inner);
        var padded = CodeDots<V>.Padded(shape.Inner);
        for (var i = 0; i < shape.M; i++) CodeDots<V>.Arrange(rows, i, shape.Inner, memory.Left + (nint)i * padded);
        if (shape.M % 4 == 3) new Span<float>(memory.Left + (nint)shape.M * padded, padded).Clear();
    }

    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        if (w.HasScaleOfEach(ScalesOf64.Codes)) RunGroups<V, ScalesOf64>(start, end, memory.OfThread(part).Panel);
        else RunGroups<V, ScalesOfEights>(start, end, memory.OfThread(part).Panel);
    }

    private void RunGroups<V, TScales>(int start, int end, float* scratch) where V : unmanaged, IVector<V> where TScales : struct, ICodeScales
    {
        if (typeof(V) == typeof(Float16)) RunTableGroups<Float16, TScales>(start, end, scratch);
        else RunTableGroups<Float8, TScales>(start, end, scratch);
    }

    [MethodImpl(Hot.Loop)]
    private void RunTableGroups<V, TScales>(int start, int end, float* scratch) where V : unmanaged, IRegisterTable<V> where TScales : struct, ICodeScales
    {
        var padded = CodeDots<V>.Padded(shape.Inner);
        var scaleRow = shape.Inner / TScales.Codes;
        var sums = stackalloc float[4 * Group];
        for (var item = start; item < end; item++)
        {
            // The last group takes rows of the one before it to be whole.
            var first = Math.Min(item * Group, shape.N - Group);
            var scales = scratch;
            var beyond = scales + w.ReadScales(first, Group, TScales.Codes, scales);

            // What stands beside the last row meets zeros of x, as what stands beside the others does, but must be a number.
            new Span<float>(beyond, CodeDots<V>.Chunk / TScales.Codes).Clear();
            var codes = w.Codes(first);
            nint rowBytes = shape.Inner / 2;
            if (!w.HasBytes(first, (Group - 1) * rowBytes + padded / 2))
            {
                codes = (byte*)(beyond + CodeDots<V>.Chunk / TScales.Codes);
                for (var j = 0; j < Group; j++) w.CopyCodes(first + j, codes + j * padded / 2);
                rowBytes = padded / 2;
            }

            for (var i = 0; i < shape.M; i += 4)
            {
                var x = memory.Left + (nint)i * padded;
                var rows = Math.Min(4, shape.M - i);
                if (rows > 2)
                {
                    CodeDots<V>.Four<TScales>(x, padded, codes, rowBytes, scales, scaleRow, padded / CodeDots<V>.Chunk, w.Table.Values, sums);
                    CodeDots<V>.Four<TScales>(x, padded, codes + 2 * rowBytes, rowBytes, scales + 2 * scaleRow, scaleRow, padded / CodeDots<V>.Chunk, w.Table.Values, sums + 8);
                    Store<V>(i, rows, first, item * Group - first, sums, 1, 4);
                }
                else
                {
                    for (var r = 0; r < rows; r++)
                    {
                        CodeDots<V>.One<TScales>(x + (nint)r * padded, codes, rowBytes, scales, scaleRow, padded / CodeDots<V>.Chunk, w.Table.Values, sums);
                        Store<V>(i + r, 1, first, item * Group - first, sums, 0, 1);
                    }
                }
            }
        }
    }

    private void Store<V>(int row, int rows, int first, int known, float* sums, int sumRow, int sumColumn) where V : unmanaged, IVector<V>
    {
        var result = stackalloc float[Group];
        for (var r = 0; r < rows; r++)
        {
            for (var j = known; j < Group; j++) result[j] = shape.Alpha * sums[r * sumRow + j * sumColumn];
            branch.Add<V>(row + r, first, result);
            y.Add<Float4>(row + r, 1, first + known, Group - known, result + known, 0, shape.Beta);
        }
    }
}
