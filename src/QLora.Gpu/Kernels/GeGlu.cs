namespace QLora.Gpu.Kernels;

/// <summary>The gate of GeGLU: gelu(z), by its tangent's approximation.</summary>
internal readonly struct GeluGate : IGate
{
    public static float Value(float z) => DeviceMath.Gelu(z);

    public static GateGradient Gradient(float z) => new(DeviceMath.Gelu(z), DeviceMath.GeluSlope(z));
}
