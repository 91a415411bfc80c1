using Microsoft.CodeAnalysis;

namespace QLora.Generators.Parsing;

/// <summary>One declared module with weights of its own, seen from the model.</summary>
/// <param name="Property">Where it is declared.</param>
/// <param name="Attribute">What as.</param>
/// <param name="Path">Its whole path, with {0} for numbers.</param>
/// <param name="Gguf">Its whole path in GGUF files, or null.</param>
/// <param name="IsOptional">Whether it, or a part around it, exists for some configs only.</param>
internal sealed record ModuleLeaf(IPropertySymbol Property, AttributeData Attribute, string Path, string? Gguf, bool IsOptional);

/// <summary>Walks from a model through its blocks and their parts.</summary>
internal static class ModuleTree
{
    private static readonly string[] Leaves = ["EmbeddingAttribute", "LinearAttribute", "RmsNormAttribute", "LayerNormAttribute"];

    /// <summary>Every module, blocks first, in the order of the declarations.</summary>
    public static IEnumerable<ModuleLeaf> Modules(INamedTypeSymbol model) => Walk(model, "", "", false, []).OrderBy(leaf => leaf.Property.ContainingType.Equals(model, SymbolEqualityComparer.Default));

    /// <summary>Whether a part is, through its own parts, a part of itself.</summary>
    public static bool HoldsItself(INamedTypeSymbol part) => Holds(part, part, []);

    private static bool Holds(INamedTypeSymbol type, INamedTypeSymbol wanted, HashSet<ISymbol> seen)
    {
        if (!seen.Add(type)) return false;
        return Properties(type).Select(DeclaredTypes.PartOf).OfType<INamedTypeSymbol>()
            .Any(part => part.Equals(wanted, SymbolEqualityComparer.Default) || Holds(part, wanted, seen));
    }

    private static IEnumerable<ModuleLeaf> Walk(INamedTypeSymbol type, string path, string? gguf, bool optional, List<INamedTypeSymbol> around)
    {
        if (around.Contains(type, SymbolEqualityComparer.Default)) yield break;
        foreach (var property in Properties(type))
        {
            if (Leaves.Concat(["PartAttribute", "BlocksAttribute"]).Select(name => AttributeValues.Find(property, name)).FirstOrDefault(found => found is not null) is not { } attribute) continue;
            var (below, isOptional) = (Join(path, AttributeValues.First(attribute)), optional || AttributeValues.String(attribute, "When") is not null);
            var isTransparent = attribute.AttributeClass!.Name == "PartAttribute" || AttributeValues.Boolean(attribute, "GgufStacked");
            var own = AttributeValues.String(attribute, "Gguf") ?? (isTransparent ? "" : null);
            var belowGguf = gguf is null || own is null ? null : Join(gguf, own);
            if (DeclaredTypes.PartOf(property) is not { } part) yield return new ModuleLeaf(property, attribute, below, belowGguf, isOptional);
            else foreach (var leaf in Walk(part, below, belowGguf, isOptional, [.. around, type])) yield return leaf;
        }
    }

    private static IEnumerable<IPropertySymbol> Properties(INamedTypeSymbol type) => type.GetMembers().OfType<IPropertySymbol>();

    private static string Join(string path, string below) => path.Length == 0 ? below : below.Length == 0 ? path : path + "." + below;
}
