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
            if (type.Name == baseName && type.TypeArguments.Length == 1 && Namespaces.Are(type, "QLora", "Models")) return type.TypeArguments[0] as INamedTypeSymbol;
        }

        return null;
    }

    /// <summary>Whether a type is declared as a block or part that can be made from a config: its own config is that or a base of it.</summary>
    public static bool Fits(ITypeSymbol type, string baseName, INamedTypeSymbol config)
    {
        if (type is not INamedTypeSymbol named || AttributeValues.Find(named, baseName) is null || ConfigOf(named, baseName) is not { } own) return false;
        for (var candidate = config; candidate is not null; candidate = candidate.BaseType)
        {
            if (SymbolEqualityComparer.Default.Equals(candidate, own)) return true;
        }

        return false;
    }

    /// <summary>The element type of a list; null when it is none.</summary>
    public static ITypeSymbol? ElementType(ITypeSymbol type)
        => type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Collections_Generic_IReadOnlyList_T } named ? named.TypeArguments[0] : null;

    /// <summary>Whether a type is a layer of the engine.</summary>
    public static bool IsLayer(ITypeSymbol type, string name)
        => type is INamedTypeSymbol { Arity: 0, ContainingType: null } && type.Name == name && Namespaces.Are(type, "QLora", "Layers");
}
