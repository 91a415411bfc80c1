using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>How a dense weight keeps its numbers.</summary>
internal unsafe interface INumberFormat
{
    /// <summary>Bytes of a number.</summary>
    static abstract int Size { get; }

    /// <summary>Numbers from an address on, in single precision.</summary>
    static abstract V Load<V>(byte* source) where V : unmanaged, IVector<V>;
}

/// <summary>Single precision.</summary>
internal readonly unsafe struct SingleFormat : INumberFormat
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source) where V : unmanaged, IVector<V> => V.Load((float*)source);
}

/// <summary>The upper halves of singles.</summary>
internal readonly unsafe struct BFloat16Format : INumberFormat
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source) where V : unmanaged, IVector<V> => V.LoadBFloat16((ushort*)source);
}

/// <summary>IEEE half precision.</summary>
internal readonly unsafe struct HalfFormat : INumberFormat
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source) where V : unmanaged, IVector<V> => V.LoadFloat16((ushort*)source);
}
