using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>Some rows of a left matrix, of which a tile reads one number at a time: number k of row i lies at <c>Data[i · Row + k · Inner]</c>.</summary>
internal readonly unsafe struct LeftRows(float* data, nint row, nint inner)
{
    public readonly float* Data = data;
    public readonly nint Row = row, Inner = inner;
}

/// <summary>
/// A left matrix, as it lies in memory (either way round) or packed. Packed rows stand in groups: number k of all rows of a group, then number k + 1, so that a
/// tile reads memory from one end to the other.
/// </summary>
internal readonly unsafe struct LeftMatrix(float* data, nint row, nint inner, int group = 1, nint groupStride = 0)
{
    /// <summary>Its first number.</summary>
    public float* Data => data;

    /// <summary>Whether it lies in memory row after row.</summary>
    public bool HasRowsOf(int size) => group == 1 && inner == 1 && row == size;

    /// <summary>Whether it is packed; then rows that fill up the last group are zeros.</summary>
    public bool IsPacked => group > 1;

    /// <summary>The rows of a packed group: a whole number of tiles and of squares that are transposed.</summary>
    public static int GroupOf<TTile>() where TTile : struct, ITile => TTile.Rows % 4 == 0 ? TTile.Rows : 2 * TTile.Rows;

    /// <summary>The matrix that groups of rows make, each <paramref name="inner"/> numbers deep.</summary>
    public static LeftMatrix Packed(float* data, int group, int inner) => new(data, 1, group, group, (nint)group * inner);

    /// <summary>
    /// Whether packing pays: a thread packs the rows that it reads itself, again for every panel; or enough panels read rows that as they lie would fill few sets of
    /// the cache, or waste most of each of its lines. Rows that another thread has packed come from its cache, which takes about as long as from memory.
    /// </summary>
    public bool IsWorthPacking(ProductShape shape, int rowShares) => rowShares > 1
        ? shape.N >= 144
        : shape.N >= 384 && shape.M >= 64 && (row == 1 || row * sizeof(float) % 2048 == 0);

    /// <summary>The matrix from row <paramref name="i"/> and inner index <paramref name="k"/> on, when it is not packed.</summary>
    public LeftMatrix From(int i, int k) => new(data + i * row + k * inner, row, inner);

    /// <summary>The rows of a tile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public LeftRows Tile<TTile>(int tile) where TTile : struct, ITile
    {
        if (group == 1) return new LeftRows(data + tile * TTile.Rows * row, row, inner);
        return TTile.Rows % 4 == 0
            ? new LeftRows(data + tile * groupStride, 1, group)
            : new LeftRows(data + tile / 2 * groupStride + tile % 2 * TTile.Rows, 1, group);
    }

    /// <summary>Packs a group of rows of a matrix that is not packed.</summary>
    /// <param name="first">The first row.</param>
    /// <param name="rows">How many there are; less than a group at the end of the matrix.</param>
    /// <param name="size">Of a group.</param>
    /// <param name="count">Numbers of each row, from inner index 0 on.</param>
    /// <param name="destination">Takes count times size numbers.</param>
    public void PackGroup<V>(int first, int rows, int size, int count, float* destination) where V : unmanaged, IVector<V>
    {
        var source = data + first * row;
        if (row == 1) PackColumns(source, inner, rows, size, count, destination);
        else PackRows<V>(source, row, rows, size, count, destination);
        for (var r = rows; r < size; r++)
        {
            for (var i = 0; i < count; i++) destination[(nint)i * size + r] = 0;
        }
    }

    /// <summary>The numbers of an inner index lie side by side, as they shall.</summary>
    [MethodImpl(Hot.Loop)]
    private static void PackColumns(float* source, nint inner, int rows, int size, int count, float* destination)
    {
        for (var i = 0; i < count; i++, source += inner, destination += size)
        {
            var r = 0;
            for (; r <= rows - 4; r += 4) Float4.Load(source + r).Store(destination + r);
            for (; r < rows; r++) destination[r] = source[r];
        }
    }

    /// <summary>The numbers of a row lie side by side: squares of them are transposed.</summary>
    [MethodImpl(Hot.Loop)]
    private static void PackRows<V>(float* source, nint row, int rows, int size, int count, float* destination) where V : unmanaged, IVector<V>
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
