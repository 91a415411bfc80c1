using Microsoft.CodeAnalysis;

namespace QLora.Generators.Parsing;

/// <summary>Reads the arguments of the engine's attributes.</summary>
internal static class AttributeValues
{
    public static AttributeData? Find(ISymbol symbol, string name) => symbol.GetAttributes().FirstOrDefault(attribute =>
        attribute.AttributeClass is { } type && type.Name == name && type.ContainingNamespace.ToDisplayString() == "QLora.Annotations");

    public static string? String(AttributeData attribute, string argument) => Value(attribute, argument) as string;

    public static bool Boolean(AttributeData attribute, string argument) => Value(attribute, argument) is true;

    private static object? Value(AttributeData attribute, string argument)
        => attribute.NamedArguments.FirstOrDefault(pair => pair.Key == argument).Value.Value;
}
