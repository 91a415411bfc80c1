using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm;

/// <summary>How finely a row's scales are laid out for its codes.</summary>
internal unsafe interface ICodeScales
{
    /// <summary>Codes that share a number.</summary>
    static abstract int Codes { get; }

    /// <summary>The scales of a chunk, one for each place of its codes.</summary>
    static abstract V Load<V>(float* scales) where V : unmanaged, IRegisterTable<V>;
}

/// <summary>A number for each eight codes, that is for each place.</summary>
internal readonly unsafe struct ScalesOfEights : ICodeScales
{
    public static int Codes => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(float* scales) where V : unmanaged, IRegisterTable<V> => V.Load(scales);
}

/// <summary>A number for each 64 codes: as many as there are, where blocks are of 64.</summary>
internal readonly unsafe struct ScalesOf64 : ICodeScales
{
    public static int Codes => 64;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(float* scales) where V : unmanaged, IRegisterTable<V> => V.LoadEightTimes(scales);
}
