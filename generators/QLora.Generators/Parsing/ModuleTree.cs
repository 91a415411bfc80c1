using Microsoft.CodeAnalysis;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>One declared module with weights of its own, seen from the model.</summary>
/// <param name="Declared">Its declaration.</param>
/// <param name="Path">Its whole path, with {0} for numbers.</param>
/// <param name="Gguf">Its whole path in GGUF files, or null.</param>
/// <param name="IsOptional">Whether it, or a part around it, exists for some configs only.</param>
internal sealed record ModuleLeaf(DeclaredProperty Declared, string Path, string? Gguf, bool IsOptional)
{
    public IPropertySymbol Property => Declared.Symbol;

    public ModuleKind Kind => Declared.Modules[0].Kind;

    public AttributeData Attribute => Declared.Modules[0].Attribute;
}

/// <summary>Walks from a model through its blocks and their parts.</summary>
internal sealed class ModuleTree(DeclaredProperties properties)
{
    /// <summary>Every module, blocks first, in the order of the declarations.</summary>
    public List<ModuleLeaf> Modules(INamedTypeSymbol model)
    {
        var leaves = new List<ModuleLeaf>();
        Walk(model, "", "", false, [], leaves);
        return [.. leaves.OrderBy(leaf => leaf.Property.ContainingType.Equals(model, SymbolEqualityComparer.Default))];
    }

    /// <summary>Whether a part is, through its own parts, a part of itself.</summary>
    public bool HoldsItself(INamedTypeSymbol part) => Holds(part, part, new(SymbolEqualityComparer.Default));

    private bool Holds(INamedTypeSymbol type, INamedTypeSymbol wanted, HashSet<INamedTypeSymbol> seen)
    {
        if (!seen.Add(type)) return false;
        return properties.Of(type).Select(property => property.Part).OfType<INamedTypeSymbol>()
            .Any(part => part.Equals(wanted, SymbolEqualityComparer.Default) || Holds(part, wanted, seen));
    }

    private void Walk(INamedTypeSymbol type, string path, string? gguf, bool optional, List<INamedTypeSymbol> around, List<ModuleLeaf> leaves)
    {
        if (around.Contains(type, SymbolEqualityComparer.Default)) return;
        around.Add(type);
        foreach (var property in properties.Of(type))
        {
            if (property.Modules.Count == 0) continue;
            var (kind, attribute) = property.Modules[0];
            var (below, isOptional) = (Join(path, AttributeValues.First(attribute)), optional || AttributeValues.String(attribute, "When") is not null);
            var isTransparent = kind == ModuleKind.Part || AttributeValues.Boolean(attribute, "GgufStacked");
            var own = AttributeValues.String(attribute, "Gguf") ?? (isTransparent ? "" : null);
            var belowGguf = gguf is null || own is null ? null : Join(gguf, own);
            if (property.Part is not { } part) leaves.Add(new ModuleLeaf(property, below, belowGguf, isOptional));
            else Walk(part, below, belowGguf, isOptional, around, leaves);
        }

        around.RemoveAt(around.Count - 1);
    }

    private static string Join(string path, string below) => path.Length == 0 ? below : below.Length == 0 ? path : path + "." + below;
}
