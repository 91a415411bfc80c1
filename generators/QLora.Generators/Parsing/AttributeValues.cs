using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.Generators.Parsing;

/// <summary>Reads the arguments of the engine's attributes.</summary>
internal static class AttributeValues
{
    private const string Suffix = "Attribute";

    /// <summary>The name of an attribute of the engine, without its suffix; null for others. Compared piece by piece, as this is asked of every attribute there is.</summary>
    public static string? NameOf(AttributeData attribute)
        => attribute.AttributeClass is { } type && type.Name.EndsWith(Suffix, StringComparison.Ordinal) && Namespaces.Are(type, "QLora", "Annotations")
            ? type.Name.Substring(0, type.Name.Length - Suffix.Length)
            : null;

    public static AttributeData? Find(ISymbol symbol, string name)
    {
        foreach (var attribute in symbol.GetAttributes())
        {
            if (NameOf(attribute) == name) return attribute;
        }

        return null;
    }

    /// <summary>The one argument of the constructor; empty while it is not written yet.</summary>
    public static string First(AttributeData attribute) => attribute.ConstructorArguments is { Length: > 0 } arguments ? arguments[0].Value as string ?? "" : "";

    public static string? String(AttributeData attribute, string argument) => Value(attribute, argument) as string;

    public static bool Boolean(AttributeData attribute, string argument) => Value(attribute, argument) is true;

    /// <summary>Where the attribute is written; null where it comes from metadata.</summary>
    public static Location? Place(AttributeData attribute) => Syntax(attribute)?.GetLocation();

    /// <summary>Where the value of an argument is written, or else the attribute's name; the argument of the constructor when <paramref name="argument"/> is null.</summary>
    public static Location? Place(AttributeData attribute, string? argument)
    {
        var syntax = Syntax(attribute);
        var written = syntax?.ArgumentList?.Arguments.FirstOrDefault(found => found.NameEquals?.Name.Identifier.ValueText == argument);
        return (written?.Expression ?? (SyntaxNode?)syntax?.Name)?.GetLocation();
    }

    private static AttributeSyntax? Syntax(AttributeData attribute) => attribute.ApplicationSyntaxReference?.GetSyntax() as AttributeSyntax;

    private static object? Value(AttributeData attribute, string argument)
    {
        foreach (var pair in attribute.NamedArguments)
        {
            if (pair.Key == argument) return pair.Value.Kind == TypedConstantKind.Array ? null : pair.Value.Value;
        }

        return null;
    }
}
