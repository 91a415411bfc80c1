using Microsoft.CodeAnalysis;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>What is wrong with one declaration.</summary>
internal sealed class DiagnosticBag
{
    private readonly List<DiagnosticSpec> _diagnostics = [];

    public bool Any => _diagnostics.Count > 0;

    public void Add(DiagnosticDescriptor descriptor, Location? location, params string[] arguments)
        => _diagnostics.Add(new DiagnosticSpec(descriptor.Id, LocationSpec.From(location), new EquatableArray<string>(arguments)));

    public EquatableArray<DiagnosticSpec> ToArray() => new(_diagnostics);
}
