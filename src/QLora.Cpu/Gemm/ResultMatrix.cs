using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu.Gemm;

/// <summary>Where a product goes, row after row or column after column, in either type of activations.</summary>
internal readonly unsafe struct ResultMatrix
{
    private readonly byte* _data;
    private readonly nint _row, _column;
    private readonly DType _dtype;

    /// <summary>A tensor as a matrix, or its transpose.</summary>
    public ResultMatrix(Tensor matrix, bool transposed = false) : this(
        matrix.DType == DType.BFloat16 ? (byte*)matrix.Pointer<ushort>() : (byte*)matrix.Pointer<float>(), matrix.DType,
        transposed ? 1 : matrix.Columns, transposed ? matrix.Columns : 1) { }

    /// <summary>Rows in single precision, one after another.</summary>
    public ResultMatrix(float* data, int columns) : this((byte*)data, DType.Float32, columns, 1) { }

    private ResultMatrix(byte* data, DType dtype, nint row, nint column)
    {
        _data = data;
        (_dtype, _row, _column) = (dtype, row, column);
    }

    /// <summary>How its numbers are kept.</summary>
    public DType DType => _dtype;

    /// <summary>Whether a tile can write its rows where they belong, at <see cref="At"/>.</summary>
    public bool TakesTiles => _column == 1 && _dtype == DType.Float32;

    /// <summary>Whether its rows are BFloat16 numbers as they come, for <see cref="Copy"/>.</summary>
    public bool TakesRoundedRows => _column == 1 && _dtype == DType.BFloat16;

    /// <summary>Numbers from one row to the next.</summary>
    public nint Row => _row;

    /// <summary>The address of a number, when it <see cref="TakesTiles"/>.</summary>
    public float* At(int i, int j) => (float*)_data + i * _row + j;

    /// <summary>The result from row <paramref name="i"/> on.</summary>
    public ResultMatrix From(int i) => new(_data + i * _row * _dtype.Size(), _dtype, _row, _column);

    /// <summary>A rectangle of it ← sums + beta · rectangle; with beta 0 it is not read.</summary>
    /// <param name="i">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="j">The first column.</param>
    /// <param name="columns">How many.</param>
    /// <param name="sums">What is added.</param>
    /// <param name="sumRow">Numbers from one row of them to the next.</param>
    /// <param name="beta">Factor of the old content.</param>
    public void Add<V>(int i, int rows, int j, int columns, float* sums, nint sumRow, float beta) where V : unmanaged, IVector<V>
    {
        var corner = _data + (i * _row + j * _column) * _dtype.Size();
        if (_dtype == DType.BFloat16) Add<V, BFloat16Format>(corner, rows, columns, sums, sumRow, beta);
        else Add<V, SingleFormat>(corner, rows, columns, sums, sumRow, beta);
    }

    /// <summary>A rectangle of it ← rounded numbers, where it <see cref="TakesRoundedRows"/>.</summary>
    /// <param name="i">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="j">The first column.</param>
    /// <param name="columns">How many.</param>
    /// <param name="rounded">What is copied.</param>
    /// <param name="roundedRow">Numbers from one row of them to the next.</param>
    [MethodImpl(Hot.Loop)]
    public void Copy(int i, int rows, int j, int columns, ushort* rounded, nint roundedRow)
    {
        var to = (ushort*)_data + i * _row + j;
        for (var r = 0; r < rows; r++, to += _row, rounded += roundedRow)
        {
            var s = 0;
            for (; s <= columns - Vector256<ushort>.Count; s += Vector256<ushort>.Count) Vector256.Load(rounded + s).Store(to + s);
            for (; s < columns; s++) to[s] = rounded[s];
        }
    }

    [MethodImpl(Hot.Loop)]
    private void Add<V, TFormat>(byte* corner, int rows, int columns, float* sums, nint sumRow, float beta)
        where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var (row, column) = (_row * TFormat.Size, _column * TFormat.Size);
        if (_column == 1)
        {
            for (var r = 0; r < rows; r++) AddRow<V, TFormat>(corner + r * row, sums + r * sumRow, columns, beta);
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
                for (var t = 0; t < 4; t++) AddRow<Float4, TFormat>(corner + r * row + (s + t) * column, square + 4 * t, 4, beta);
            }
        }

        for (var r = 0; r < rows; r++)
        {
            for (var s = r < wholeRows ? wholeColumns : 0; s < columns; s++) AddRow<Float1, TFormat>(corner + r * row + s * column, sums + r * sumRow + s, 1, beta);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddRow<V, TFormat>(byte* to, float* sums, int count, float beta) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var k = 0;
        for (; k <= count - V.Count; k += V.Count) AddAt<V, TFormat>(to, sums, k, beta);
        for (; k < count; k++) AddAt<Float1, TFormat>(to, sums, k, beta);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddAt<V, TFormat>(byte* to, float* sums, int k, float beta) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var sum = V.Load(sums + k);
        if (beta != 0) sum = V.FusedMultiplyAdd(TFormat.Load<V>(to, k), V.Create(beta), sum);
        TFormat.Store(to, k, sum);
    }
}
