using QLora.Backends;
using QLora.Backends.Reference;
using QLora.Cpu;

namespace QLora.Tests;

/// <summary>Every backend that the whole-model tests run on: the reference, and the SIMD backend with each width of vectors that this machine has.</summary>
public static class TestBackends
{
    private const string CpuPrefix = "cpu-";

    public static IEnumerable<string> Names => ["reference", .. VectorWidths.Supported.Select(width => CpuPrefix + (int)width)];

    public static Backend Create(string name) => name switch
    {
        "reference" => new ReferenceBackend(),
        _ when name.StartsWith(CpuPrefix, StringComparison.Ordinal) => new CpuBackend(threads: 2, (VectorWidth)int.Parse(name.AsSpan(CpuPrefix.Length))),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown backend"),
    };
}
