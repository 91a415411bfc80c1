using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>Some columns of a right matrix as <see cref="PairTile"/> reads them: pairs of rows, rounded to BFloat16, padded with zeros to the tile's width and to a whole pair.</summary>
internal static unsafe class PairPanel
{
    /// <summary>Rows of single-precision numbers that are made at a time: as many as stay in the innermost cache, and whole blocks of 4-bit codes.</summary>
    public const int Run = 64;

    /// <summary>Packs rows k to k + inner of columns j to j + columns of a right matrix.</summary>
    /// <param name="source">The matrix as it is stored.</param>
    /// <param name="transposed">Whether it is stored transposed.</param>
    /// <param name="k">The first row.</param>
    /// <param name="inner">How many.</param>
    /// <param name="j">The first column.</param>
    /// <param name="columns">How many.</param>
    /// <param name="width">Of the tile.</param>
    /// <param name="panel">Takes the pairs.</param>
    /// <param name="singles">Room for <see cref="Run"/> and <see cref="Panel.ExtraRows"/> rows of single-precision numbers.</param>
    /// <param name="scratch">Room for <see cref="Panel.ScratchSize"/> numbers.</param>
    public static void Pack<TRows>(TRows source, bool transposed, int k, int inner, int j, int columns, int width, uint* panel, float* singles, float* scratch)
        where TRows : struct, IRows
    {
        if (typeof(TRows) == typeof(DenseRows<BFloat16Format>))
        {
            Pack(Unsafe.As<TRows, DenseRows<BFloat16Format>>(ref source), transposed, k, inner, j, columns, width, panel);
            return;
        }

        for (var start = 0; start < inner; start += Run)
        {
            var run = Math.Min(Run, inner - start);
            if (transposed) Panel.PackTransposed<Float16, TRows>(source, k + start, run, j, columns, width, singles, scratch);
            else source.ReadRows<Float16>(k + start, run, j, columns, singles, width, scratch);
            if (run % 2 != 0) new Span<float>(singles + run * width, width).Clear();
            Pair(singles, (run + 1) / 2, width, panel + (nint)start / 2 * width);
        }
    }

    /// <summary>Packs what is in BFloat16 already, and need not be rounded.</summary>
    private static void Pack(DenseRows<BFloat16Format> source, bool transposed, int k, int inner, int j, int columns, int width, uint* panel)
    {
        var data = (ushort*)source.At(0, 0);
        var matrix = transposed ? new Pairs(data, source.Columns, 1) : new Pairs(data, 1, source.Columns);
        matrix.Pack<Float16>(j, columns, width, k, inner, panel);
    }

    /// <summary>Makes pairs of every two rows.</summary>
    [MethodImpl(Hot.Loop)]
    private static void Pair(float* rows, int pairs, int width, uint* panel)
    {
        for (var p = 0; p < pairs; p++, rows += 2 * width, panel += width)
        {
            for (var s = 0; s < width; s += Float16.Count) Float16.StorePairs(Float16.Load(rows + s), Float16.Load(rows + width + s), panel + s);
        }
    }
}
