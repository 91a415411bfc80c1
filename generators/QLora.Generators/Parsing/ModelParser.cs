using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Reads a declared class into its spec. Symbols and syntax end here.</summary>
internal static class ModelParser
{
    private const string ModelBase = "CausalLanguageModel";
    private const string BlockBase = "DecoderBlock";

    public static ParseResult<ModelSpec> ParseModel(GeneratorAttributeSyntaxContext attributed)
    {
        var diagnostics = new DiagnosticBag();
        var (type, properties) = ParseClass(attributed, ModelBase, diagnostics);
        var targets = TargetParser.Parse((INamedTypeSymbol)attributed.TargetSymbol, Place(attributed), diagnostics);
        var attribute = attributed.Attributes[0];
        var modelType = AttributeValues.First(attribute);
        var spec = type is null || diagnostics.Any
            ? null
            : new ModelSpec(type, modelType, AttributeValues.String(attribute, "GgufArchitecture") ?? modelType, new(properties), new(targets));
        return new ParseResult<ModelSpec>(spec, LocationSpec.From(Place(attributed)), diagnostics.ToArray());
    }

    public static ParseResult<BlockSpec> ParseBlock(GeneratorAttributeSyntaxContext attributed)
    {
        var diagnostics = new DiagnosticBag();
        var (type, properties) = ParseClass(attributed, BlockBase, diagnostics);
        var spec = type is null || diagnostics.Any ? null : new BlockSpec(type, new(properties));
        return new ParseResult<BlockSpec>(spec, LocationSpec.From(Place(attributed)), diagnostics.ToArray());
    }

    /// <summary>Whether a type is a declared block for models of a config.</summary>
    public static bool IsBlock(ITypeSymbol type, INamedTypeSymbol config) => type is INamedTypeSymbol named
        && AttributeValues.Find(named, "DecoderBlockAttribute") is not null
        && SymbolEqualityComparer.Default.Equals(ConfigOf(named, BlockBase), config);

    private static (TypeSpec? Type, List<PropertySpec> Properties) ParseClass(GeneratorAttributeSyntaxContext attributed, string baseName, DiagnosticBag diagnostics)
    {
        var symbol = (INamedTypeSymbol)attributed.TargetSymbol;
        var syntax = (ClassDeclarationSyntax)attributed.TargetNode;
        if (!syntax.Modifiers.Any(SyntaxKind.PartialKeyword)) diagnostics.Add(Descriptors.TypeNotPartial, Place(attributed), symbol.Name);
        if (symbol.ContainingType is not null || symbol.IsGenericType) diagnostics.Add(Descriptors.NotAlone, Place(attributed), symbol.Name);
        if (ConfigOf(symbol, baseName) is not { } config)
        {
            diagnostics.Add(Descriptors.WrongBase, Place(attributed), symbol.Name, baseName + "<TConfig>");
            return (null, []);
        }

        var properties = new List<PropertySpec>();
        var parser = new PropertyParser(config, baseName == BlockBase, properties, diagnostics);
        foreach (var property in symbol.GetMembers().OfType<IPropertySymbol>())
        {
            if (parser.Parse(property) is { } spec) properties.Add(spec);
        }

        var type = new TypeSpec(
            symbol.ContainingNamespace.IsGlobalNamespace ? "" : symbol.ContainingNamespace.ToDisplayString(),
            symbol.Name,
            SyntaxFacts.GetText(symbol.DeclaredAccessibility),
            config.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat));
        return (type, properties);
    }

    /// <summary>The config type: the argument of the engine's generic base class.</summary>
    private static INamedTypeSymbol? ConfigOf(INamedTypeSymbol symbol, string baseName)
    {
        for (var type = symbol.BaseType; type is not null; type = type.BaseType)
        {
            if (type.IsGenericType && type.OriginalDefinition.ToDisplayString() == $"QLora.Models.{baseName}<TConfig>") return type.TypeArguments[0] as INamedTypeSymbol;
        }

        return null;
    }

    private static Location Place(GeneratorAttributeSyntaxContext attributed) => ((ClassDeclarationSyntax)attributed.TargetNode).Identifier.GetLocation();
}
