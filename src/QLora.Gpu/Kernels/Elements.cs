using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>An element of a tensor as it lies in memory.</summary>
internal interface IStoredElement
{
    /// <summary>The number that it stands for.</summary>
    float Widen();
}

/// <summary>An element that activations are made of.</summary>
internal interface IElement<TSelf> : IStoredElement where TSelf : unmanaged
{
    /// <summary>The nearest element, of two that are as near the even one; NaN stays NaN.</summary>
    static abstract TSelf Round(float value);
}

/// <summary>An element of <see cref="Tensors.DType.Float32"/>.</summary>
internal struct F32 : IElement<F32>
{
    private float _value;

    public readonly float Widen() => _value;

    public static F32 Round(float value) => new() { _value = value };
}

/// <summary>An element of <see cref="Tensors.DType.BFloat16"/>.</summary>
internal struct BF16 : IElement<BF16>
{
    private ushort _bits;

    public readonly float Widen() => Widen(_bits);

    public static BF16 Round(float value) => new() { _bits = (ushort)RoundBits(value) };

    /// <summary>The number of the low 16 of these bits.</summary>
    public static float Widen(uint bits) => Interop.IntAsFloat(bits << 16);

    /// <summary>The bits of the nearest element.</summary>
    public static uint RoundBits(float value)
    {
        var bits = Interop.FloatAsInt(value);

        // The carry of rounding could turn a NaN into infinity; its highest fraction bit keeps it one.
        var rounded = float.IsNaN(value) ? bits | 0x400000 : bits + 0x7FFF + ((bits >> 16) & 1);
        return rounded >> 16;
    }
}

/// <summary>An element of <see cref="Tensors.DType.Float16"/>, decoded with integers: not every device has an instruction for it.</summary>
internal readonly struct F16(ushort bits) : IStoredElement
{
    private readonly ushort _bits = bits;

    public float Widen() => Widen(_bits);

    /// <summary>The number of these bits.</summary>
    public static float Widen(uint bits)
    {
        var sign = (bits & 0x8000) << 16;
        var exponent = (bits >> 10) & 31;
        var fraction = bits & 0x3FF;
        if (exponent == 31) return Interop.IntAsFloat(sign | 0x7F800000 | fraction << 13);
        if (exponent > 0) return Interop.IntAsFloat(sign | (exponent + 112) << 23 | fraction << 13);
        var subnormal = fraction * (1f / 16777216f);
        return sign == 0 ? subnormal : -subnormal;
    }
}
