using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class CopyColumnsKernels
{
    public static void CopyColumns<T>(ArrayView<T> source, int sourceColumns, int sourceStart, ArrayView<T> destination, int destinationColumns, int destinationStart, int count)
        where T : unmanaged
    {
        var i = Grid.GlobalIndex.X;
        var row = i / count;
        var column = i % count;
        if ((row + 1) * sourceColumns <= source.IntLength) destination[row * destinationColumns + destinationStart + column] = source[row * sourceColumns + sourceStart + column];
    }
}
