using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The function of a gated activation.</summary>
internal interface IGate
{
    /// <summary>f(z).</summary>
    static abstract float Value(float z);

    /// <summary>f(z) and f′(z), which have parts in common.</summary>
    static abstract GateGradient Gradient(float z);
}

/// <summary>The value of a gate and its slope.</summary>
internal readonly struct GateGradient(float value, float slope)
{
    public readonly float Value = value, Slope = slope;
}

/// <summary>SwiGLU and GeGLU. All buffers are of the same shape; a lane does one element.</summary>
internal static class GatedKernels
{
    /// <summary>y ← f(gate) · up.</summary>
    public static void Gated<T, TGate>(ArrayView<T> gate, ArrayView<T> up, ArrayView<T> y) where T : unmanaged, IElement<T> where TGate : struct, IGate
    {
        var i = Grid.GlobalIndex.X;
        if (i < y.IntLength) y[i] = T.Round(TGate.Value(gate[i].Widen()) * up[i].Widen());
    }

    /// <summary>dGate ← dy · up · f′(gate), dUp ← dy · f(gate). The results may lie over the inputs: all three are read first.</summary>
    public static void GatedBackward<T, TGate>(ArrayView<T> gate, ArrayView<T> up, ArrayView<T> dy, ArrayView<T> dGate, ArrayView<T> dUp)
        where T : unmanaged, IElement<T> where TGate : struct, IGate
    {
        var i = Grid.GlobalIndex.X;
        if (i >= dy.IntLength) return;
        var at = TGate.Gradient(gate[i].Widen());
        var factor = up[i].Widen();
        var gradient = dy[i].Widen();
        dGate[i] = T.Round(gradient * factor * at.Slope);
        dUp[i] = T.Round(gradient * at.Value);
    }
}
