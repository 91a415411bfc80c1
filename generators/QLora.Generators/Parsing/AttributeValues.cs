using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

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
        => attribute.NamedArguments.FirstOrDefault(pair => pair.Key == argument).Value.Value;
}
