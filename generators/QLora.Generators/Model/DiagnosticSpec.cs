using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Text;
using QLora.Generators.Diagnostics;

namespace QLora.Generators.Model;

/// <summary>A diagnostic without its symbols: comparable, and made real only when it is reported.</summary>
internal sealed record DiagnosticSpec(string Id, LocationSpec? Location, EquatableArray<string> Arguments)
{
    public Diagnostic ToDiagnostic() => Diagnostic.Create(Descriptors.ById(Id), Location?.ToLocation(), [.. Arguments]);
}

/// <summary>A place in a file.</summary>
internal sealed record LocationSpec(string Path, TextSpan Span, LinePositionSpan Lines)
{
    public static LocationSpec? From(Location? location)
        => location?.SourceTree is { } tree ? new LocationSpec(tree.FilePath, location.SourceSpan, location.GetLineSpan().Span) : null;

    public Location ToLocation() => Location.Create(Path, Span, Lines);
}

/// <summary>What the parser makes of a declaration: a spec when it is sound, where it stands, and what is wrong with it otherwise.</summary>
internal sealed record ParseResult<T>(T? Spec, LocationSpec? Place, EquatableArray<DiagnosticSpec> Diagnostics) where T : class, IEquatable<T>;
