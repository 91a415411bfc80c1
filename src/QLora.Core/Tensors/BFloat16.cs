namespace QLora.Tensors;

/// <summary>Numbers of <see cref="DType.BFloat16"/>: the upper halves of singles.</summary>
public static class BFloat16
{
    /// <summary>The single that has these upper bits.</summary>
    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    /// <summary>The nearest number, of two that are as near the even one; NaN stays NaN.</summary>
    public static ushort Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);

        // The carry of rounding could turn a NaN into infinity; its highest fraction bit keeps it one.
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
