using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class DropoutKernels
{
    /// <summary>A lane makes one block of random words and masks four elements with it.</summary>
    public static void Dropout<T>(ArrayView<T> x, ArrayView<T> y, uint threshold, float scale, ulong seed, ulong stream, int accumulate) where T : unmanaged, IElement<T>
    {
        var block = Grid.GlobalIndex.X;
        uint c0 = (uint)block, c1 = 0, c2 = (uint)stream, c3 = (uint)(stream >> 32);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (var round = 0; round < 10; round++)
        {
            // The same ten rounds as Philox.Block, without tuples.
            var p0 = (ulong)c0 * 0xD2511F53;
            var p1 = (ulong)c2 * 0xCD9E8D57;
            c0 = (uint)(p1 >> 32) ^ c1 ^ k0;
            c1 = (uint)p1;
            c2 = (uint)(p0 >> 32) ^ c3 ^ k1;
            c3 = (uint)p0;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        Mask(x, y, 4 * block, c0 >= threshold ? scale : 0, accumulate);
        Mask(x, y, 4 * block + 1, c1 >= threshold ? scale : 0, accumulate);
        Mask(x, y, 4 * block + 2, c2 >= threshold ? scale : 0, accumulate);
        Mask(x, y, 4 * block + 3, c3 >= threshold ? scale : 0, accumulate);
    }

    private static void Mask<T>(ArrayView<T> x, ArrayView<T> y, int i, float scale, int accumulate) where T : unmanaged, IElement<T>
    {
        if (i >= y.IntLength) return;
        var value = scale > 0 ? scale * x[i].Widen() : 0; // what is dropped may be infinite
        y[i] = T.Round(accumulate != 0 ? y[i].Widen() + value : value);
    }
}
