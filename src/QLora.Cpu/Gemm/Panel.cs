using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Some columns of a right matrix, as single-precision numbers in the order in which a tile reads them: row after row, padded with zeros to the tile's width.</summary>
internal static unsafe class Panel
{
    /// <summary>Numbers of a stored row that are read at once, when a row becomes a column.</summary>
    private const int Run = 64;

    /// <summary>Numbers of scratch memory that packing needs.</summary>
    public const int ScratchSize = Run * 16;

    /// <summary>Rows that packing may write beyond the last.</summary>
    public const int ExtraRows = 16;

    /// <summary>Packs rows k to k + inner of columns j to j + columns of the transpose of a stored matrix.</summary>
    public static void PackTransposed<V, TRows>(TRows source, int k, int inner, int j, int columns, int width, float* panel, float* scratch)
        where V : unmanaged, IVector<V> where TRows : struct, IRows
    {
        for (var group = 0; group < width; group += V.Count)
        {
            if (columns - group >= V.Count) source.ReadTransposed<V>(j + group, k, inner, panel + group, width, scratch);
            else ReadTransposed<V, TRows>(source, j + group, Math.Max(0, columns - group), k, inner, panel + group, width, scratch);
        }
    }

    /// <summary>What <see cref="IRows.ReadRows"/> does, for any kind of rows.</summary>
    [MethodImpl(Hot.Loop)]
    public static void ReadRows<V, TRows>(TRows source, int row, int rows, int first, int columns, float* destination, int width)
        where V : unmanaged, IVector<V> where TRows : struct, IRows
    {
        for (var r = 0; r < rows; r++, destination += width)
        {
            source.Read<V>(row + r, first, columns, destination);
            for (var rest = columns; rest < width; rest++) destination[rest] = 0;
        }
    }

    /// <summary>What <see cref="IRows.ReadTransposed"/> does, for any kind of rows: a run of each goes to scratch memory, and becomes columns there. Missing rows are zeros.</summary>
    [MethodImpl(Hot.Loop)]
    public static void ReadTransposed<V, TRows>(TRows source, int row, int rows, int first, int count, float* destination, nint width, float* scratch)
        where V : unmanaged, IVector<V> where TRows : struct, IRows
    {
        new Span<float>(scratch + rows * Run, (V.Count - rows) * Run).Clear();
        for (var start = 0; start < count; start += Run)
        {
            var run = Math.Min(Run, count - start);
            for (var r = 0; r < rows; r++) source.Read<V>(row + r, first + start, run, scratch + r * Run);
            for (var i = 0; i < run; i += V.Count) V.Transpose(scratch + i, Run, destination + (start + i) * width, width);
        }
    }
}
