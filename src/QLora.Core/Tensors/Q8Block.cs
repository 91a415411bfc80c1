using System.Runtime.InteropServices;

namespace QLora.Tensors;

/// <summary>32 numbers in 8 bits each, laid out as in GGUF's Q8_0: number i is <c>Scale · Codes[i]</c>, which is exact in single precision.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 2)]
public unsafe struct Q8Block
{
    /// <summary>Numbers of a block.</summary>
    public const int Count = 32;

    /// <summary>What the codes are multiplied with; finite.</summary>
    public Half Scale;

    /// <summary>The numbers without their scale.</summary>
    public fixed sbyte Codes[Count];
}
