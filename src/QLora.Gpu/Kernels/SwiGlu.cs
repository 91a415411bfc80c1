namespace QLora.Gpu.Kernels;

/// <summary>The gate of SwiGLU: silu(z) = z · σ(z).</summary>
internal readonly struct SiluGate : IGate
{
    public static float Value(float z) => z * DeviceMath.Sigmoid(z);

    public static GateGradient Gradient(float z)
    {
        var sigmoid = DeviceMath.Sigmoid(z);
        return new(z * sigmoid, sigmoid * (1 + z * (1 - sigmoid)));
    }
}
