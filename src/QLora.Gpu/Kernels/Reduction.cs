using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>
/// Sums over the lanes of a group, through its memory: shuffles between lanes are not on every device. All lanes must come by, and all get the result. The
/// order of a sum depends on the size of the group alone.
/// </summary>
internal static class Reduction
{
    /// <summary>The most lanes that a group may have; a power of two, as each number of lanes is.</summary>
    public const int LargestGroup = 256;

    /// <summary>Lanes that share a column in <see cref="SumOfColumn"/>; a group has at least so many.</summary>
    public const int LanesOfColumn = 8;

    /// <summary>The columns that a group sums, side by side, so that lanes beside each other read numbers beside each other.</summary>
    public static int ColumnsOf(int groupSize) => groupSize / LanesOfColumn;

    /// <summary>The column of this lane, which may be beyond the last one.</summary>
    public static int Column => Grid.IdxX * ColumnsOf(Group.DimX) + Group.IdxX % ColumnsOf(Group.DimX);

    /// <summary>The first of the rows that this lane sums; the next is <see cref="LanesOfColumn"/> further.</summary>
    public static int FirstRow => Group.IdxX / ColumnsOf(Group.DimX);

    /// <summary>The sum of all values.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum<T>(T value) where T : unmanaged, INumber<T>
    {
        var lanes = SharedMemory.Allocate<T>(LargestGroup);
        lanes[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half) lanes[Group.IdxX] += lanes[Group.IdxX + half];
            Group.Barrier();
        }

        var sum = lanes[0];
        Group.Barrier(); // before the next reduction writes
        return sum;
    }

    /// <summary>The sum of the values of all lanes of this lane's column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float SumOfColumn(float value)
    {
        var lanes = SharedMemory.Allocate<float>(LargestGroup);
        lanes[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half >= ColumnsOf(Group.DimX); half >>= 1)
        {
            if (Group.IdxX < half) lanes[Group.IdxX] += lanes[Group.IdxX + half];
            Group.Barrier();
        }

        return lanes[Group.IdxX % ColumnsOf(Group.DimX)];
    }

    /// <summary>The largest value; NaNs may be passed over.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Max<T>(T value) where T : unmanaged, INumber<T>
    {
        var lanes = SharedMemory.Allocate<T>(LargestGroup);
        lanes[Group.IdxX] = value;
        Group.Barrier();
        for (var half = Group.DimX >> 1; half > 0; half >>= 1)
        {
            if (Group.IdxX < half && lanes[Group.IdxX] < lanes[Group.IdxX + half]) lanes[Group.IdxX] = lanes[Group.IdxX + half];
            Group.Barrier();
        }

        var largest = lanes[0];
        Group.Barrier();
        return largest;
    }
}
