using Microsoft.CodeAnalysis;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>A property with attributes of the engine.</summary>
/// <param name="Symbol">The property.</param>
/// <param name="Target">Its <c>[LoraTarget]</c>, or null.</param>
/// <param name="Modules">What it is declared as, by kind: one, unless somebody made a mistake.</param>
internal sealed record DeclaredProperty(IPropertySymbol Symbol, AttributeData? Target, List<(ModuleKind Kind, AttributeData Attribute)> Modules)
{
    /// <summary>The block of a list or the part itself, whose own properties are declared modules; null for other properties.</summary>
    public INamedTypeSymbol? Part { get; } = PartOf(Symbol, Modules);

    /// <summary>Reads a property's attributes; null when none is the engine's.</summary>
    public static DeclaredProperty? Read(IPropertySymbol property)
    {
        AttributeData? target = null;
        List<(ModuleKind Kind, AttributeData Attribute)>? modules = null;
        foreach (var attribute in property.GetAttributes())
        {
            if (AttributeValues.NameOf(attribute) is not { } name) continue;
            if (name == "LoraTarget") target ??= attribute;
            else if (KindOf(name) is { } kind && modules?.Any(module => module.Kind == kind) != true) (modules ??= []).Add((kind, attribute));
        }

        if (target is null && modules is null) return null;
        modules?.Sort((a, b) => a.Kind.CompareTo(b.Kind));
        return new DeclaredProperty(property, target, modules ?? []);
    }

    private static ModuleKind? KindOf(string attribute) => attribute switch
    {
        nameof(ModuleKind.Embedding) => ModuleKind.Embedding,
        nameof(ModuleKind.Linear) => ModuleKind.Linear,
        nameof(ModuleKind.RmsNorm) => ModuleKind.RmsNorm,
        nameof(ModuleKind.LayerNorm) => ModuleKind.LayerNorm,
        nameof(ModuleKind.Part) => ModuleKind.Part,
        nameof(ModuleKind.Blocks) => ModuleKind.Blocks,
        _ => null,
    };

    private static INamedTypeSymbol? PartOf(IPropertySymbol property, List<(ModuleKind Kind, AttributeData Attribute)> modules)
    {
        if (modules.Count == 0) return null;
        return modules[modules.Count - 1].Kind switch // blocks and parts sort last
        {
            ModuleKind.Blocks => DeclaredTypes.ElementType(property.Type) as INamedTypeSymbol,
            ModuleKind.Part => property.Type as INamedTypeSymbol,
            _ => null,
        };
    }
}

/// <summary>The declared properties of classes, each read once for its own spec and for every model that holds it. For one compilation.</summary>
internal sealed class DeclaredProperties
{
    private readonly Dictionary<INamedTypeSymbol, List<DeclaredProperty>> _known = new(SymbolEqualityComparer.Default);

    /// <summary>Those of a class, in order.</summary>
    public List<DeclaredProperty> Of(INamedTypeSymbol type)
    {
        if (_known.TryGetValue(type, out var known)) return known;
        var properties = new List<DeclaredProperty>();
        foreach (var member in type.GetMembers())
        {
            if (member is IPropertySymbol property && DeclaredProperty.Read(property) is { } declared) properties.Add(declared);
        }

        return _known[type] = properties;
    }
}
