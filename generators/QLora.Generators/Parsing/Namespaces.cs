using Microsoft.CodeAnalysis;

namespace QLora.Generators.Parsing;

/// <summary>Compares namespaces without writing them out.</summary>
internal static class Namespaces
{
    /// <summary>Whether a type is in the namespace <paramref name="outer"/>.<paramref name="inner"/>.</summary>
    public static bool Are(ITypeSymbol type, string outer, string inner)
        => type.ContainingNamespace is { ContainingNamespace: { ContainingNamespace.IsGlobalNamespace: true } around } space && space.Name == inner && around.Name == outer;
}
