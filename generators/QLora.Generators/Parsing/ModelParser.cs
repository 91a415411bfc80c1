using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Reads a declared class into its spec. Symbols and syntax end here.</summary>
internal static class ModelParser
{
    private const string ModelBase = "CausalLanguageModel<TConfig>";
    private const string BlockBase = "DecoderBlock<TConfig>";

    public static ParseResult<ModelSpec> ParseModel(GeneratorAttributeSyntaxContext attributed)
    {
        var symbol = (INamedTypeSymbol)attributed.TargetSymbol;
        var diagnostics = new DiagnosticBag();
        var (type, properties) = ParseClass(attributed, ModelBase, diagnostics);
        var attribute = attributed.Attributes[0];
        var modelType = attribute.ConstructorArguments[0].Value as string ?? "";
        var targets = Targets(symbol).ToList();
        if (targets.Count == 0) diagnostics.Add(Descriptors.NoTarget, Identifier(attributed), symbol.Name);
        var spec = type is null || diagnostics.Any
            ? null
            : new ModelSpec(type, modelType, AttributeValues.String(attribute, "GgufArchitecture") ?? modelType, new(properties), new(targets));
        return new ParseResult<ModelSpec>(spec, LocationSpec.From(Identifier(attributed)), diagnostics.ToArray());
    }

    public static ParseResult<BlockSpec> ParseBlock(GeneratorAttributeSyntaxContext attributed)
    {
        var diagnostics = new DiagnosticBag();
        var (type, properties) = ParseClass(attributed, BlockBase, diagnostics);
        var spec = type is null || diagnostics.Any ? null : new BlockSpec(type, new(properties));
        return new ParseResult<BlockSpec>(spec, LocationSpec.From(Identifier(attributed)), diagnostics.ToArray());
    }

    private static (TypeSpec? Type, List<PropertySpec> Properties) ParseClass(GeneratorAttributeSyntaxContext attributed, string baseName, DiagnosticBag diagnostics)
    {
        var symbol = (INamedTypeSymbol)attributed.TargetSymbol;
        var syntax = (ClassDeclarationSyntax)attributed.TargetNode;
        if (!syntax.Modifiers.Any(SyntaxKind.PartialKeyword)) diagnostics.Add(Descriptors.TypeNotPartial, syntax.Identifier.GetLocation(), symbol.Name);
        if (ConfigOf(symbol, baseName) is not { } config)
        {
            diagnostics.Add(Descriptors.WrongBase, syntax.Identifier.GetLocation(), symbol.Name, baseName);
            return (null, []);
        }

        var properties = new List<PropertySpec>();
        foreach (var property in symbol.GetMembers().OfType<IPropertySymbol>())
        {
            if (PropertyParser.Parse(property, config, properties, diagnostics) is { } spec) properties.Add(spec);
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
            if (type.IsGenericType && type.OriginalDefinition.ToDisplayString() == $"QLora.Models.{baseName}") return type.TypeArguments[0] as INamedTypeSymbol;
        }

        return null;
    }

    /// <summary>The LoRA targets of a model: those of its blocks, then its own.</summary>
    private static IEnumerable<TargetSpec> Targets(INamedTypeSymbol model)
    {
        var properties = model.GetMembers().OfType<IPropertySymbol>().ToList();
        var blocks = properties
            .Where(property => AttributeValues.Find(property, "BlocksAttribute") is not null)
            .Select(property => PropertyParser.ElementType(property.Type))
            .OfType<INamedTypeSymbol>();
        foreach (var property in blocks.SelectMany(block => block.GetMembers().OfType<IPropertySymbol>()).Concat(properties))
        {
            if (AttributeValues.Find(property, "LoraTargetAttribute") is null || AttributeValues.Find(property, "LinearAttribute") is not { } linear) continue;
            var path = linear.ConstructorArguments[0].Value as string ?? "";
            yield return new TargetSpec(property.Name, path.Substring(path.LastIndexOf('.') + 1), AttributeValues.Boolean(linear, "KeepFullPrecision"));
        }
    }

    private static Location Identifier(GeneratorAttributeSyntaxContext attributed) => ((ClassDeclarationSyntax)attributed.TargetNode).Identifier.GetLocation();
}
