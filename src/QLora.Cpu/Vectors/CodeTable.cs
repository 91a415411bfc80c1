using System.Runtime.CompilerServices;
using QLora.Quantization;

namespace QLora.Cpu.Vectors;

/// <summary>The sixteen values of a 4-bit code where they do not move, for look-ups in registers; and those of the two codes of every byte, for widths that hold too few.</summary>
internal readonly unsafe struct CodeTable
{
    private static readonly CodeTable Nf4 = new(Codebook.Nf4.Values);
    private static readonly CodeTable Fp4 = new(Codebook.Fp4.Values);

    private CodeTable(ReadOnlySpan<float> values)
    {
        Values = (float*)RuntimeHelpers.AllocateTypeAssociatedMemory(typeof(CodeTable), 16 * sizeof(float));
        Pairs = (ulong*)RuntimeHelpers.AllocateTypeAssociatedMemory(typeof(CodeTable), 256 * sizeof(ulong));
        values.CopyTo(new Span<float>(Values, 16));
        for (var pair = 0; pair < 256; pair++)
        {
            var (first, second) = (values[pair >> 4], values[pair & 15]);
            (((float*)(Pairs + pair))[0], ((float*)(Pairs + pair))[1]) = (first, second);
        }
    }

    /// <summary>Code to value.</summary>
    public float* Values { get; }

    /// <summary>Byte to the values of its two codes, the high half first.</summary>
    public ulong* Pairs { get; }

    /// <summary>The table of a code.</summary>
    public static CodeTable Of(QuantizationType type) => type == QuantizationType.Nf4 ? Nf4 : Fp4;
}
