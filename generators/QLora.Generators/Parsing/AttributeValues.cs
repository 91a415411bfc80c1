using Microsoft.CodeAnalysis;

namespace QLora.Generators.Parsing;

/// <summary>Reads the arguments of the engine's attributes.</summary>
internal static class AttributeValues
{
    public static AttributeData? Find(ISymbol symbol, string name) => symbol.GetAttributes().FirstOrDefault(attribute =>
        attribute.AttributeClass is { } type && type.Name == name && type.ContainingNamespace.ToDisplayString() == "QLora.Annotations");

    /// <summary>The one argument of the constructor; empty while it is not written yet.</summary>
    public static string First(AttributeData attribute) => attribute.ConstructorArguments.FirstOrDefault().Value as string ?? "";

    public static string? String(AttributeData attribute, string argument) => Value(attribute, argument) as string;

    public static bool Boolean(AttributeData attribute, string argument) => Value(attribute, argument) is true;

    private static object? Value(AttributeData attribute, string argument)
        => attribute.NamedArguments.FirstOrDefault(pair => pair.Key == argument).Value.Value;
}
