using QLora.Backends;
using QLora.Backends.Reference;

namespace QLora.Tests;

/// <summary>Every backend that the whole-model tests run on.</summary>
public static class TestBackends
{
    public static IEnumerable<string> Names => ["reference"];

    public static Backend Create(string name) => name switch
    {
        "reference" => new ReferenceBackend(),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown backend"),
    };
}
