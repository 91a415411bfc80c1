using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class SoftCapKernels
{
    public static void SoftCap<T>(ArrayView<T> x, float cap) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < x.IntLength) x[i] = T.Round(DeviceMath.SoftCap(x[i].Widen(), cap));
    }

    public static void SoftCapBackward<T>(ArrayView<T> y, ArrayView<T> dx, float cap) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i >= dx.IntLength) return;
        var tanh = y[i].Widen() / cap;
        dx[i] = T.Round(dx[i].Widen() * (1 - tanh * tanh));
    }
}
