using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu.Gemm;

/// <summary>Some rows of a left matrix, of which a tile reads one number at a time: number k of row i lies at <c>Data[i · Row + k · Inner]</c>.</summary>
internal readonly unsafe struct LeftRows(float* data, nint row, nint inner)
{
    public readonly float* Data = data;
    public readonly nint Row = row, Inner = inner;
}

/// <summary>Columns that a left matrix goes on with: number k of row i lies at <c>data[i · columns + k − start]</c>.</summary>
/// <param name="data">The first number of the first row.</param>
/// <param name="columns">How many; 0 where there is nothing.</param>
/// <param name="start">The inner index at which they begin, relative to the matrix's; negative when some of them lie before it.</param>
internal readonly unsafe struct LeftBranch(float* data, int columns, int start)
{
    /// <summary>How many columns.</summary>
    public int Columns => columns;

    /// <summary>How many of the first <paramref name="count"/> inner indices are the matrix's own.</summary>
    public int OfMatrix(int count) => columns == 0 ? count : Math.Clamp(start, 0, count);

    /// <summary>Number <paramref name="k"/> of a row, which is not the matrix's own.</summary>
    public float* Row(int row, int k) => data + (nint)row * columns + (k - start);

    /// <summary>The columns as a matrix sees them that begins at row <paramref name="i"/> and inner index <paramref name="k"/>.</summary>
    public LeftBranch From(int i, int k) => new(data + (nint)i * columns, columns, start - k);
}

/// <summary>
/// A left matrix, as it lies in memory (either way round) or packed. Packed rows stand in groups: number k of all rows of a group, then number k + 1, so that a
/// tile reads memory from one end to the other.
/// </summary>
internal readonly unsafe struct LeftMatrix
{
    // Numbers of each row that are widened at a time.
    private const int Run = 64, MaxGroup = 16;

    private readonly byte* _data;
    private readonly nint _row, _inner, _groupStride;
    private readonly int _group = 1;
    private readonly DType _dtype;
    private readonly LeftBranch _branch;

    /// <summary>A matrix as it lies in memory.</summary>
    public LeftMatrix(Tensor matrix, bool transposed) : this(
        matrix.DType == DType.BFloat16 ? (byte*)matrix.Pointer<ushort>() : (byte*)matrix.Pointer<float>(), matrix.DType,
        transposed ? 1 : matrix.Columns, transposed ? matrix.Columns : 1) { }

    /// <summary>A matrix that goes on, along the inner index, with another of as many rows in Float32.</summary>
    public LeftMatrix(Tensor matrix, Tensor branch) : this(matrix, transposed: false) => _branch = new LeftBranch(branch.Pointer<float>(), branch.Columns, matrix.Columns);

    private LeftMatrix(byte* data, DType dtype, nint row, nint inner, LeftBranch branch = default)
    {
        _data = data;
        (_dtype, _row, _inner, _branch) = (dtype, row, inner, branch);
    }

    private LeftMatrix(float* data, int group, int inner) : this((byte*)data, DType.Float32, 1, group) => (_group, _groupStride) = (group, (nint)group * inner);

    /// <summary>Its first number.</summary>
    public byte* Data => _data;

    /// <summary>Numbers from one row to the next.</summary>
    public nint Row => _row;

    /// <summary>Numbers from one inner index to the next.</summary>
    public nint Inner => _inner;

    /// <summary>How its numbers are kept.</summary>
    public DType DType => _dtype;

    /// <summary>What it goes on with; nothing when that has no columns.</summary>
    public LeftBranch Branch => _branch;

    /// <summary>Whether it lies in memory row after row.</summary>
    public bool HasRowsOf(int size) => _group == 1 && _inner == 1 && _row == size;

    /// <summary>Whether it is packed; then rows that fill up the last group are zeros.</summary>
    public bool IsPacked => _group > 1;

    /// <summary>The rows of a packed group: a whole number of tiles and of squares that are transposed.</summary>
    public static int GroupOf<TTile>() where TTile : struct, ITile => TTile.Rows % 4 == 0 ? TTile.Rows : 2 * TTile.Rows;

    /// <summary>The matrix that groups of rows make, each <paramref name="inner"/> numbers deep.</summary>
    public static LeftMatrix Packed(float* data, int group, int inner) => new(data, group, inner);

    /// <summary>
    /// Whether packing pays: a thread packs the rows that it reads itself, again for every panel; or enough panels read rows that as they lie would fill few sets of
    /// the cache, or waste most of each of its lines. Rows that another thread has packed come from its cache, which takes about as long as from memory.
    /// What is not in single precision is widened so, once.
    /// </summary>
    public bool IsWorthPacking(ProductShape shape, int rowShares)
    {
        if (_dtype != DType.Float32 || _branch.Columns > 0) return true;
        return rowShares > 1 ? shape.N >= 144 : shape.N >= 384 && shape.M >= 64 && (_row == 1 || _row * sizeof(float) % 2048 == 0);
    }

    /// <summary>The matrix from row <paramref name="i"/> and inner index <paramref name="k"/> on, when it is not packed.</summary>
    public LeftMatrix From(int i, int k) => new(_data + (i * _row + k * _inner) * _dtype.Size(), _dtype, _row, _inner, _branch.From(i, k));

    /// <summary>The rows of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LeftRows Tile<TTile>(int tile) where TTile : struct, ITile
    {
        var data = (float*)_data;
        if (_group == 1) return new LeftRows(data + tile * TTile.Rows * _row, _row, _inner);
        return TTile.Rows % 4 == 0
            ? new LeftRows(data + tile * _groupStride, 1, _group)
            : new LeftRows(data + tile / 2 * _groupStride + tile % 2 * TTile.Rows, 1, _group);
    }

    /// <summary>Packs a group of rows of a matrix that is not packed.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many there are; less than a group at the end of the matrix.</param>
    /// <param name="size">Of a group.</param>
    /// <param name="count">Numbers of each row, from inner index 0 on.</param>
    /// <param name="destination">Takes count times size numbers.</param>
    public void PackGroup<V>(int first, int rows, int size, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var own = _branch.OfMatrix(count);
        if (_dtype == DType.BFloat16) PackNumbers<V, BFloat16Format>(first, rows, size, own, destination);
        else PackNumbers<V, SingleFormat>(first, rows, size, own, destination);
        if (own < count) PackRows<V>(_branch.Row(first, own), _branch.Columns, rows, size, count - own, destination + (nint)own * size);
        for (var r = rows; r < size; r++)
        {
            for (var i = 0; i < count; i++) destination[(nint)i * size + r] = 0;
        }
    }

    private void PackNumbers<V, TFormat>(int first, int rows, int size, int count, float* destination) where V : unmanaged, IVector<V> where TFormat : struct, INumberFormat
    {
        var source = _data + first * _row * TFormat.Size;
        if (_row == 1) PackColumns<TFormat>(source, _inner, rows, size, count, destination);
        else if (typeof(TFormat) == typeof(SingleFormat)) PackRows<V>((float*)source, _row, rows, size, count, destination);
        else PackWidened<V, TFormat>(source, rows, size, count, destination);
    }

    /// <summary>The numbers of an inner index lie side by side, as they shall.</summary>
    [MethodImpl(Hot.Loop)]
    private static void PackColumns<TFormat>(byte* source, nint inner, int rows, int size, int count, float* destination) where TFormat : struct, INumberFormat
    {
        for (var i = 0; i < count; i++, source += inner * TFormat.Size, destination += size)
        {
            var r = 0;
            for (; r <= rows - 4; r += 4) TFormat.Load<Float4>(source + r * TFormat.Size).Store(destination + r);
            for (; r < rows; r++) TFormat.Load<Float1>(source + r * TFormat.Size).Store(destination + r);
        }
    }

    /// <summary>A run of each row is widened, and the runs are packed.</summary>
    private void PackWidened<V, TFormat>(byte* source, int rows, int size, int count, float* destination) where V : unmanaged, IVector<V> where TFormat : struct, INumberFormat
    {
        var matrix = new DenseRows<TFormat>(source, (int)_row);
        var runs = stackalloc float[MaxGroup * Run];
        for (var start = 0; start < count; start += Run)
        {
            var run = Math.Min(Run, count - start);
            for (var r = 0; r < rows; r++) matrix.Read<V>(r, start, run, runs + r * Run);
            PackRows<V>(runs, Run, rows, size, run, destination + (nint)start * size);
        }
    }

    /// <summary>Packs rows, each of which lies in memory number by number: squares of them are transposed.</summary>
    [MethodImpl(Hot.Loop)]
    public static void PackRows<V>(float* source, nint row, int rows, int size, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var r = 0;
        if (V.Count >= Float8.Count)
        {
            for (; r <= rows - 8; r += 8) PackSquares<Float8>(source + r * row, row, size, count, destination + r);
        }

        for (; r <= rows - 4; r += 4) PackSquares<Float4>(source + r * row, row, size, count, destination + r);
        for (; r < rows; r++) PackSquares<Float1>(source + r * row, row, size, count, destination + r);
    }

    [MethodImpl(Hot.Loop)]
    private static void PackSquares<V>(float* source, nint row, nint size, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) V.Transpose(source + i, row, destination + i * size, size);
        for (; i < count; i++)
        {
            for (var r = 0; r < V.Count; r++) destination[i * size + r] = source[r * row + i];
        }
    }
}
