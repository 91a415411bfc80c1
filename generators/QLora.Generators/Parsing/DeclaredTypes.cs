using Microsoft.CodeAnalysis;

namespace QLora.Generators.Parsing;

/// <summary>What the engine's attributes and base classes make of a class.</summary>
internal static class DeclaredTypes
{
    public const string Model = "CausalLanguageModel";
    public const string Block = "DecoderBlock";
    public const string Part = "ModelPart";

    /// <summary>The config type: the argument of the engine's generic base class; null when the class has another base.</summary>
    public static INamedTypeSymbol? ConfigOf(INamedTypeSymbol symbol, string baseName)
    {
        for (var type = symbol.BaseType; type is not null; type = type.BaseType)
        {
            if (type.IsGenericType && type.OriginalDefinition.ToDisplayString() == $"QLora.Models.{baseName}<TConfig>") return type.TypeArguments[0] as INamedTypeSymbol;
        }

        return null;
    }

    /// <summary>Whether a type is declared as a block or part that can be made from a config: its own config is that or a base of it.</summary>
    public static bool Fits(ITypeSymbol type, string baseName, INamedTypeSymbol config)
    {
        if (type is not INamedTypeSymbol named || AttributeValues.Find(named, baseName + "Attribute") is null || ConfigOf(named, baseName) is not { } own) return false;
        for (var candidate = config; candidate is not null; candidate = candidate.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(candidate, own)) return true;
        }

        return false;
    }

    /// <summary>The block of a list or the part itself, whose own properties are declared modules; null for other properties.</summary>
    public static INamedTypeSymbol? PartOf(IPropertySymbol property)
    {
        if (AttributeValues.Find(property, "BlocksAttribute") is not null) return ElementType(property.Type) as INamedTypeSymbol;
        return AttributeValues.Find(property, "PartAttribute") is null ? null : property.Type as INamedTypeSymbol;
    }

    /// <summary>The element type of a list; null when it is none.</summary>
    public static ITypeSymbol? ElementType(ITypeSymbol type)
        => type is INamedTypeSymbol { IsGenericType: true } named && named.OriginalDefinition.ToDisplayString() == "System.Collections.Generic.IReadOnlyList<T>" ? named.TypeArguments[0] : null;
}
