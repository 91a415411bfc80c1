using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using QLora.Cpu.Limits;

namespace QLora.Cpu.MachineCode;

/// <summary>Whether products of BFloat16 numbers go through machine code, because the processor multiplies pairs of them (AVX512-BF16) and .NET has no intrinsic for it.</summary>
public static class PairInstructions
{
    /// <summary>The environment variable that says whether they do: <c>on</c>, wherever it is possible, or <c>off</c>; where it is not set, they do where that is faster.</summary>
    public const string Variable = "QLORA_MACHINE_CODE";

    /// <summary>Whether the processor has the instruction.</summary>
    public static bool IsInProcessor { get; } = Vector512.IsHardwareAccelerated && X86Base.IsSupported
        && X86Base.CpuId(0, 0).Eax >= 7 && X86Base.CpuId(7, 0).Eax >= 1 && (X86Base.CpuId(7, 1).Eax & 1 << 5) != 0;

    /// <summary>
    /// Whether a core multiplies more numbers in pairs than in single precision, measured at the first use: a Zen 5 twice as many, but an Emerald Rapids half as many.
    /// </summary>
    public static bool AreFaster => PairSpeed.IsHigher;

    /// <summary>Whether <see cref="Variable"/>, or the machine's speed where it is not set, says that they do.</summary>
    /// <exception cref="QLoraException">The variable holds something else.</exception>
    public static bool AreWanted() => Environment.GetEnvironmentVariable(Variable) switch
    {
        null or "" => AreFaster,
        "on" => true,
        "off" => false,
        var value => throw new QLoraException($"{Variable} is '{value}', expected 'on' or 'off'"),
    };
}
