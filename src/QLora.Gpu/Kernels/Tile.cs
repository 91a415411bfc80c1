using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>
/// What products are made of: square tiles in the group's memory, which 8 × 8 lanes multiply, each into a square of 4 × 4 sums: lane (x, y) has those from row 4y and
/// column 4x on. For each of them it reads four numbers at once on either side.
/// </summary>
internal static class Tile
{
    /// <summary>Rows and columns of a tile.</summary>
    public const int Size = 32;

    /// <summary>Lanes along each side.</summary>
    public const int Lanes = 8;

    /// <summary>From one row of a tile to the next in the group's memory: more than a row, so that a column lies in several banks, and a multiple of four.</summary>
    public const int Pitch = Size + 4;

    /// <summary>Elements of a tile in the group's memory.</summary>
    public const int Length = Size * Pitch;

    /// <summary>The number of a lane among all 64.</summary>
    public static int Lane => Group.IdxY * Lanes + Group.IdxX;

    /// <summary>How many of <paramref name="all"/> rows there are in the tile that begins at <paramref name="first"/>.</summary>
    public static int Count(int all, int first) => all - first < Size ? all - first : Size;

    /// <summary>sums + leftᵀ · right, of the first <paramref name="count"/> rows of two tiles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Sums MultiplyAdd(ArrayView<float> left, ArrayView<float> right, int count, Sums sums)
    {
        var rows = left.Cast<Four>();
        var columns = right.Cast<Four>();
        for (var k = 0; k < count; k++)
        {
            var row = rows[k * (Pitch / 4) + Group.IdxY];
            var column = columns[k * (Pitch / 4) + Group.IdxX];
            sums.Row0 = sums.Row0.AddScaled(column, row.At0);
            sums.Row1 = sums.Row1.AddScaled(column, row.At1);
            sums.Row2 = sums.Row2.AddScaled(column, row.At2);
            sums.Row3 = sums.Row3.AddScaled(column, row.At3);
        }

        return sums;
    }

    /// <summary>Puts the sums into a tile, row by row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreAlong(ArrayView<float> tile, Sums sums) => Store(tile, sums, Pitch, 1);

    /// <summary>Puts the sums into a tile, column by column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreAcross(ArrayView<float> tile, Sums sums) => Store(tile, sums, 1, Pitch);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ArrayView<float> tile, Sums sums, int row, int column)
    {
        var start = 4 * (Group.IdxY * row + Group.IdxX * column);
        Store(tile, start, column, sums.Row0);
        Store(tile, start + row, column, sums.Row1);
        Store(tile, start + 2 * row, column, sums.Row2);
        Store(tile, start + 3 * row, column, sums.Row3);
    }

    /// <summary>Puts four numbers into a tile, from a place on, so far from each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(ArrayView<float> tile, int start, int step, Four numbers)
    {
        tile[start] = numbers.At0;
        tile[start + step] = numbers.At1;
        tile[start + 2 * step] = numbers.At2;
        tile[start + 3 * step] = numbers.At3;
    }
}

/// <summary>Four numbers in registers.</summary>
internal readonly struct Four(float at0, float at1, float at2, float at3)
{
    public readonly float At0 = at0, At1 = at1, At2 = at2, At3 = at3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Four AddScaled(Four other, float factor) => new(At0 + factor * other.At0, At1 + factor * other.At1, At2 + factor * other.At2, At3 + factor * other.At3);
}

/// <summary>The sums of one lane.</summary>
internal struct Sums
{
    public Four Row0, Row1, Row2, Row3;
}
