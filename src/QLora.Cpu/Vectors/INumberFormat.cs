using System.Runtime.CompilerServices;

namespace QLora.Cpu.Vectors;

/// <summary>How a dense weight keeps its numbers.</summary>
internal unsafe interface INumberFormat
{
    /// <summary>Bytes of a number.</summary>
    static abstract int Size { get; }

    /// <summary>Numbers from an address on, in single precision.</summary>
    static abstract V Load<V>(byte* source) where V : unmanaged, IVector<V>;
}

/// <summary>How activations keep their numbers: a format that is written too.</summary>
internal unsafe interface IActivationFormat : INumberFormat
{
    /// <summary>Numbers from an index on, in single precision.</summary>
    static abstract V Load<V>(byte* numbers, nint index) where V : unmanaged, IVector<V>;

    /// <summary>Writes numbers from an index on, rounded to the nearest that the format has.</summary>
    static abstract void Store<V>(byte* numbers, nint index, V value) where V : unmanaged, IVector<V>;
}

/// <summary>Single precision.</summary>
internal readonly unsafe struct SingleFormat : IActivationFormat
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source) where V : unmanaged, IVector<V> => V.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* numbers, nint index) where V : unmanaged, IVector<V> => V.Load((float*)numbers + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(byte* numbers, nint index, V value) where V : unmanaged, IVector<V> => value.Store((float*)numbers + index);
}

/// <summary>The upper halves of singles.</summary>
internal readonly unsafe struct BFloat16Format : IActivationFormat
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source) where V : unmanaged, IVector<V> => V.LoadBFloat16((ushort*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* numbers, nint index) where V : unmanaged, IVector<V> => V.LoadBFloat16((ushort*)numbers + index);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(byte* numbers, nint index, V value) where V : unmanaged, IVector<V> => value.StoreBFloat16((ushort*)numbers + index);
}

/// <summary>IEEE half precision.</summary>
internal readonly unsafe struct HalfFormat : INumberFormat
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(byte* source) where V : unmanaged, IVector<V> => V.LoadFloat16((ushort*)source);
}
