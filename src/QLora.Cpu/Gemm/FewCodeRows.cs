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

    // Of so many groups, and not more scales than stay in the innermost cache, the scales are read and the results are written together.
    private const int MaxGroups = 8, MaxScales = 4096;
    private const int ResultRow = MaxGroups * Group;

    /// <summary>How many items there are.</summary>
    public static int Items(int n) => (n + Group - 1) / Group;

    /// <summary>What an item takes: as long as so many element operations of others, since a vector decodes and multiplies two codes in the time of one number.</summary>
    public static long ItemWork(ProductShape shape) => (long)Group * shape.M * shape.Inner / 2;

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
    private void RunTableGroups<V, TScales>(int start, int endItem, float* scratch) where V : unmanaged, IRegisterTable<V> where TScales : struct, ICodeScales
    {
        var padded = CodeDots<V>.Padded(shape.Inner);
        var scaleRow = shape.Inner / TScales.Codes;
        var groups = Math.Clamp(MaxScales / (Group * scaleRow), 1, MaxGroups);
        var results = stackalloc float[MaxRows * ResultRow];

        // The first rows, which nobody has asked for yet, come while the scales are read.
        nint rowBytes = shape.Inner / 2;
        Prefetching.Read(w.Codes(start * Group), (int)Prefetching.Distance(rowBytes));
        for (var item = start; item < endItem; item += groups)
        {
            // The last group takes rows of the one before it to be whole.
            var last = Math.Min(item + groups, endItem);
            var (first, end) = (Math.Min(item * Group, shape.N - Group), Math.Min(last * Group, shape.N));
            var beyond = scratch + w.ReadScales<V>(first, end - first, TScales.Codes, scratch);

            // What stands beside the last row meets zeros of x, as what stands beside the others does, but must be a number.
            new Span<float>(beyond, CodeDots<V>.Chunk / TScales.Codes).Clear();
            beyond += CodeDots<V>.Chunk / TScales.Codes;
            for (var group = item; group < last; group++)
            {
                var row = Math.Min(group * Group, shape.N - Group);
                RunGroup<V, TScales>(row, padded, scratch + (row - first) * scaleRow, scaleRow, (byte*)beyond, results + row - first);
            }

            for (var i = 0; i < shape.M; i++) y.Add<V>(i, 1, item * Group, end - item * Group, results + i * ResultRow + item * Group - first, 0, shape.Beta);
        }
    }

    /// <summary>The products of a group, and what the branch adds to them.</summary>
    private void RunGroup<V, TScales>(int row, int padded, float* scales, int scaleRow, byte* scratch, float* results)
        where V : unmanaged, IRegisterTable<V> where TScales : struct, ICodeScales
    {
        var codes = w.Codes(row);
        nint rowBytes = shape.Inner / 2;
        var chunks = padded / CodeDots<V>.Chunk;
        if (!w.HasBytes(row, (Group - 1) * rowBytes + padded / 2))
        {
            codes = scratch;
            rowBytes = padded / 2;
            for (var j = 0; j < Group; j++) w.CopyCodes(row + j, codes + j * rowBytes);
        }

        // A branch of whole vectors goes into the sums of a row from the start.
        var rank = shape.M <= 2 && branch.Rank % V.Count == 0 ? branch.Rank : 0;
        if (shape.M > 2)
        {
            var sums = stackalloc float[4 * Group];
            CodeDots<V>.Four<TScales>(memory.Left, padded, codes, rowBytes, scales, scaleRow, chunks, w.Table.Values, sums);
            CodeDots<V>.Four<TScales>(memory.Left, padded, codes + 2 * rowBytes, rowBytes, scales + 2 * scaleRow, scaleRow, chunks, w.Table.Values, sums + 8);
            Float4.Transpose(sums, 4, results, ResultRow);
        }
        else
        {
            for (var i = 0; i < shape.M; i++)
            {
                var x = memory.Left + (nint)i * padded;
                CodeDots<V>.One<TScales>(x, codes, rowBytes, scales, scaleRow, chunks, w.Table.Values, branch.U(i), branch.V(row), rank, results + i * ResultRow);
            }
        }

        if (rank == branch.Rank) return;
        for (var i = 0; i < shape.M; i++) branch.Add<V>(i, row, results + i * ResultRow);
    }
}
