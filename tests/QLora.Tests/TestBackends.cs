using QLora.Backends;
using QLora.Backends.Reference;
using QLora.Cpu;

namespace QLora.Tests;

/// <summary>Every backend that the whole-model tests run on: the reference, and the SIMD backend at each width of vectors that this machine has.</summary>
public static class TestBackends
{
    private const string Reference = "reference";

    public static IEnumerable<string> Names => [Reference, .. VectorWidths.Supported.Select(width => width.ToString())];

    public static Backend Create(string name) => name == Reference ? new ReferenceBackend() : new CpuBackend(threads: 2, Enum.Parse<VectorWidth>(name));
}
