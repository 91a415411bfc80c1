using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Limits;

/// <summary>Sums that do not wait for each other, in as many registers as every machine has.</summary>
/// <param name="width">Of the vectors.</param>
/// <param name="steps">How many of each sum.</param>
internal readonly unsafe struct MultiplyAdds(VectorWidth width, int steps) : IWork
{
    private const int Chains = 12;

    /// <summary>Operations of a step, a fused multiply-add being two.</summary>
    public static double Operations(VectorWidth width) => 2.0 * Chains * ((int)width / 32);

    public void Run(int part, int parts)
    {
        var result = stackalloc float[16];
        switch (width)
        {
            case VectorWidth.Vector512: Loop<Float16>(steps, result); break;
            case VectorWidth.Vector256: Loop<Float8>(steps, result); break;
            default: Loop<Float4>(steps, result); break;
        }
    }

    [MethodImpl(Hot.Loop)]
    private static void Loop<V>(int steps, float* result) where V : unmanaged, IVector<V>
    {
        var (factor, addend) = (V.Create(0.5f), V.Create(1f));
        V s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11;
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = s10 = s11 = V.Create(0f);
        for (var i = 0; i < steps; i++)
        {
            (s0, s1, s2) = (V.FusedMultiplyAdd(s0, factor, addend), V.FusedMultiplyAdd(s1, factor, addend), V.FusedMultiplyAdd(s2, factor, addend));
            (s3, s4, s5) = (V.FusedMultiplyAdd(s3, factor, addend), V.FusedMultiplyAdd(s4, factor, addend), V.FusedMultiplyAdd(s5, factor, addend));
            (s6, s7, s8) = (V.FusedMultiplyAdd(s6, factor, addend), V.FusedMultiplyAdd(s7, factor, addend), V.FusedMultiplyAdd(s8, factor, addend));
            (s9, s10, s11) = (V.FusedMultiplyAdd(s9, factor, addend), V.FusedMultiplyAdd(s10, factor, addend), V.FusedMultiplyAdd(s11, factor, addend));
        }

        (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11).Store(result);
    }
}
