using QLora.Backends;
using QLora.Backends.Reference;
using QLora.Cpu;
using QLora.Cpu.MachineCode;

namespace QLora.Tests;

/// <summary>Every backend that the whole-model tests run on: the reference, and the SIMD backend with each width of vectors that this machine has.</summary>
public static class TestBackends
{
    private const string CpuPrefix = "cpu-", Pairs = "cpu-pairs";

    public static IEnumerable<string> Names => ["reference", .. VectorWidths.Supported.Select(width => CpuPrefix + (int)width)];

    /// <summary>The same, and last the one that multiplies BFloat16 numbers in pairs, where the processor can, be it faster or slower so.</summary>
    public static IEnumerable<string> BFloat16Names => PairInstructions.IsInProcessor ? [.. Names, Pairs] : Names;

    public static Backend Create(string name) => name switch
    {
        "reference" => new ReferenceBackend(),
        Pairs => new CpuBackend(threads: 2, machineCode: true),
        _ when name.StartsWith(CpuPrefix, StringComparison.Ordinal) => new CpuBackend(threads: 2, (VectorWidth)int.Parse(name.AsSpan(CpuPrefix.Length)), machineCode: false),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown backend"),
    };
}
