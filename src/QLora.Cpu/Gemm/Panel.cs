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

    /// <summary>Packs rows k to k + inner of columns j to j + columns of the matrix.</summary>
    public static void Pack<V, TRows>(TRows source, int k, int inner, int j, int columns, int width, float* panel) where V : unmanaged, IVector<V> where TRows : struct, IRows
    {
        for (var i = 0; i < inner; i++, panel += width)
        {
            source.Read<V>(k + i, j, columns, panel);
            for (var rest = columns; rest < width; rest++) panel[rest] = 0;
        }
    }

    /// <summary>Packs rows k to k + inner of columns j to j + columns of the transpose of a stored matrix.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void PackTransposed<V, TRows>(TRows source, int k, int inner, int j, int columns, int width, float* panel, float* scratch)
        where V : unmanaged, IVector<V> where TRows : struct, IRows
    {
        for (var group = 0; group < width; group += V.Count)
        {
            var rows = Math.Clamp(columns - group, 0, V.Count);
            new Span<float>(scratch + rows * Run, (V.Count - rows) * Run).Clear();
            for (var start = 0; start < inner; start += Run)
            {
                var count = Math.Min(Run, inner - start);
                for (var row = 0; row < rows; row++) source.Read<V>(j + group + row, k + start, count, scratch + row * Run);
                for (var i = 0; i < count; i += V.Count) V.Transpose(scratch + i, Run, panel + (nint)(start + i) * width + group, width);
            }
        }
    }
}
