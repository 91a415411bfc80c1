using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>
/// Rows that are added to where numbers say, which may be the same of several: there is a group for each row, and that of the first one with a number adds all of them, in their order, so that
/// no two groups write to one place and a sum is always the same.
/// </summary>
internal static class Repeats
{
    /// <summary>The first row that this group adds: its own, or the number of rows where an earlier one has its number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int First(ArrayView<int> numbers, int divisor)
    {
        var first = Next(numbers, divisor, -1);
        return first < Grid.IdxX ? numbers.IntLength : first;
    }

    /// <summary>The row after <paramref name="row"/> that has the number of this group's, after division by <paramref name="divisor"/>; the number of rows when there is none. All lanes must come by.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Next(ArrayView<int> numbers, int divisor, int row)
    {
        var number = numbers[Grid.IdxX] / divisor;
        var next = numbers.IntLength;
        for (var i = row + 1 + Group.IdxX; i < numbers.IntLength; i += Group.DimX)
        {
            if (numbers[i] / divisor == number && i < next) next = i;
        }

        return -Reduction.Max(-next);
    }
}
