using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class GeGluKernels
{
    public static void GeGlu<T>(ArrayView<T> gate, ArrayView<T> up, ArrayView<T> y) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(DeviceMath.Gelu(gate[i].Widen()) * up[i].Widen());
    }

    public static void GeGluBackward<T>(ArrayView<T> gate, ArrayView<T> up, ArrayView<T> dy, ArrayView<T> dGate, ArrayView<T> dUp) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i >= dy.IntLength) return;

        // The results may lie over the inputs: all three are read first.
        var z = gate[i].Widen();
        var factor = up[i].Widen();
        var gradient = dy[i].Widen();
        dGate[i] = T.Round(gradient * factor * DeviceMath.GeluSlope(z));
        dUp[i] = T.Round(gradient * DeviceMath.Gelu(z));
    }
}
