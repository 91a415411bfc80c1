using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class GeluKernels
{
    public static void Gelu<T>(ArrayView<T> x, ArrayView<T> y) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(DeviceMath.Gelu(x[i].Widen()));
    }

    public static void GeluBackward<T>(ArrayView<T> x, ArrayView<T> dy, ArrayView<T> dx) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < dx.IntLength) dx[i] = T.Round(dy[i].Widen() * DeviceMath.GeluSlope(x[i].Widen()));
    }
}
