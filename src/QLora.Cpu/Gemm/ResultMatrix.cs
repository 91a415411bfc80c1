using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Where a product goes: number (i, j) to <c>data[i · row + j · column]</c>. One of the two is 1.</summary>
internal readonly unsafe struct ResultMatrix(float* data, nint row, nint column)
{
    /// <summary>Numbers from one row to the next.</summary>
    public nint Row => row;

    /// <summary>Whether it is stored column after column.</summary>
    public bool IsTransposed => column != 1;

    /// <summary>The address of a number.</summary>
    public float* At(int i, int j) => data + i * row + j * column;

    /// <summary>The result from row <paramref name="i"/> on.</summary>
    public ResultMatrix From(int i) => new(data + i * row, row, column);

    /// <summary>A rectangle of it ← sums + beta · rectangle; with beta 0 it is not read.</summary>
    /// <param name="i">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="j">The first column.</param>
    /// <param name="columns">How many.</param>
    /// <param name="sums">What is added.</param>
    /// <param name="sumRow">Numbers from one row of them to the next.</param>
    /// <param name="beta">Factor of the old content.</param>
    [MethodImpl(Hot.Loop)]
    public void Add(int i, int rows, int j, int columns, float* sums, nint sumRow, float beta)
    {
        if (!IsTransposed)
        {
            for (var r = 0; r < rows; r++) AddRow(At(i + r, j), sums + r * sumRow, columns, beta);
            return;
        }

        // Four rows at a time, four numbers of each, become four columns.
        var square = stackalloc float[16];
        var (wholeRows, wholeColumns) = (rows / 4 * 4, columns / 4 * 4);
        for (var r = 0; r < wholeRows; r += 4)
        {
            for (var s = 0; s < wholeColumns; s += 4)
            {
                Float4.Transpose(sums + r * sumRow + s, sumRow, square, 4);
                for (var t = 0; t < 4; t++) AddRow(At(i + r, j + s + t), square + 4 * t, 4, beta);
            }
        }

        for (var r = 0; r < rows; r++)
        {
            for (var s = r < wholeRows ? wholeColumns : 0; s < columns; s++) AddRow(At(i + r, j + s), sums + r * sumRow + s, 1, beta);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow(float* to, float* sums, int count, float beta)
    {
        var k = 0;
        for (; k <= count - 4; k += 4)
        {
            var sum = Float4.Load(sums + k);
            if (beta != 0) sum = Float4.FusedMultiplyAdd(Float4.Load(to + k), Float4.Create(beta), sum);
            sum.Store(to + k);
        }

        for (; k < count; k++) to[k] = beta == 0 ? sums[k] : MathF.FusedMultiplyAdd(to[k], beta, sums[k]);
    }
}
