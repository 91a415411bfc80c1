using System.Runtime.Intrinsics;

namespace QLora.Cpu;

/// <summary>The width of the registers that the ops are compiled for, in bits.</summary>
public enum VectorWidth
{
    /// <summary>SSE4 or NEON.</summary>
    Vector128 = 128,
    /// <summary>AVX2 with FMA.</summary>
    Vector256 = 256,
    /// <summary>AVX-512.</summary>
    Vector512 = 512,
}

/// <summary>Which widths there are on this machine, and which one is taken.</summary>
public static class VectorWidths
{
    /// <summary>The environment variable that forces a width: 128, 256 or 512.</summary>
    public const string Variable = "QLORA_VECTOR_WIDTH";

    /// <summary>The widths that this machine has, the narrowest first.</summary>
    public static IReadOnlyList<VectorWidth> Supported { get; } =
    [
        VectorWidth.Vector128,
        .. Vector256.IsHardwareAccelerated ? new[] { VectorWidth.Vector256 } : [],
        .. Vector512.IsHardwareAccelerated ? new[] { VectorWidth.Vector512 } : [],
    ];

    /// <summary>The width that <see cref="Variable"/> asks for, or the widest.</summary>
    /// <exception cref="QLoraException">The variable holds something else, or a width that this machine does not have.</exception>
    public static VectorWidth Chosen()
    {
        var asked = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(asked)) return Supported[^1];
        if (int.TryParse(asked, out var bits) && Supported.Contains((VectorWidth)bits)) return (VectorWidth)bits;
        var widths = string.Join(", ", Supported.Select(width => (int)width));
        throw new QLoraException($"{Variable} is '{asked}', expected one of the widths of this machine: {widths}");
    }
}
