using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class SwiGluKernels
{
    public static void SwiGlu<T>(ArrayView<T> gate, ArrayView<T> up, ArrayView<T> y) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(gate[i].Widen() * DeviceMath.Sigmoid(gate[i].Widen()) * up[i].Widen());
    }

    public static void SwiGluBackward<T>(ArrayView<T> gate, ArrayView<T> up, ArrayView<T> dy, ArrayView<T> dGate, ArrayView<T> dUp) where T : unmanaged, IElement<T>
    {
        var i = Grid.GlobalIndex.X;
        if (i >= dy.IntLength) return;

        // The results may lie over the inputs: all three are read first.
        var z = gate[i].Widen();
        var factor = up[i].Widen();
        var gradient = dy[i].Widen();
        var sigmoid = DeviceMath.Sigmoid(z);
        dGate[i] = T.Round(gradient * factor * (sigmoid * (1 + z * (1 - sigmoid))));
        dUp[i] = T.Round(gradient * (z * sigmoid));
    }
}
