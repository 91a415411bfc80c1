using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Reads a declared class into its spec. Symbols and syntax end here.</summary>
internal sealed class ModelParser
{
    private readonly DeclaredProperties _properties = new();
    private readonly ModuleTree _tree;

    /// <summary>A parser for the classes of one compilation, which share blocks and parts.</summary>
    public ModelParser() => _tree = new ModuleTree(_properties);

    /// <summary>Reads a model, a class with <c>[CausalLanguageModel]</c>.</summary>
    public ParseResult<ModelSpec> ParseModel(INamedTypeSymbol symbol, ClassDeclarationSyntax syntax)
    {
        var diagnostics = new DiagnosticBag();
        var place = syntax.Identifier.GetLocation();
        var (type, properties) = ParseClass(symbol, syntax, DeclaredTypes.Model, diagnostics);
        var modules = _tree.Modules(symbol);
        var targets = TargetParser.Parse(symbol, modules, place, diagnostics);
        CheckNames(modules, symbol, place, diagnostics);
        if (AttributeValues.Find(symbol, DeclaredTypes.Model) is not { } attribute || type is null || diagnostics.Any)
        {
            return new ParseResult<ModelSpec>(null, LocationSpec.From(place), diagnostics.ToArray());
        }

        var modelType = AttributeValues.First(attribute);
        var spec = new ModelSpec(type, modelType, AttributeValues.String(attribute, "GgufArchitecture") ?? modelType, new(properties), new(targets));
        return new ParseResult<ModelSpec>(spec, LocationSpec.From(place), diagnostics.ToArray());
    }

    /// <summary>Reads a block or part, a class with <c>[DecoderBlock]</c> or <c>[ModelPart]</c>.</summary>
    /// <param name="symbol">The class.</param>
    /// <param name="syntax">Where it is declared.</param>
    /// <param name="baseName">Which of both.</param>
    public ParseResult<PartSpec> ParsePart(INamedTypeSymbol symbol, ClassDeclarationSyntax syntax, string baseName)
    {
        var diagnostics = new DiagnosticBag();
        var place = syntax.Identifier.GetLocation();
        var (type, properties) = ParseClass(symbol, syntax, baseName, diagnostics);
        if (_tree.HoldsItself(symbol)) diagnostics.Add(Descriptors.HoldsItself, place, symbol.Name);
        var spec = type is null || diagnostics.Any ? null : new PartSpec(type, new(properties));
        return new ParseResult<PartSpec>(spec, LocationSpec.From(place), diagnostics.ToArray());
    }

    private (TypeSpec? Type, List<PropertySpec> Properties) ParseClass(INamedTypeSymbol symbol, ClassDeclarationSyntax syntax, string baseName, DiagnosticBag diagnostics)
    {
        var place = syntax.Identifier.GetLocation();
        if (!syntax.Modifiers.Any(SyntaxKind.PartialKeyword)) diagnostics.Add(Descriptors.TypeNotPartial, place, symbol.Name);
        if (symbol.ContainingType is not null || symbol.IsGenericType) diagnostics.Add(Descriptors.NotAlone, place, symbol.Name);
        if (DeclaredTypes.ConfigOf(symbol, baseName) is not { } config)
        {
            diagnostics.Add(Descriptors.WrongBase, place, symbol.Name, baseName + "<TConfig>");
            return (null, []);
        }

        if (baseName != DeclaredTypes.Part && !symbol.GetMembers("Forward").OfType<IMethodSymbol>().Any(method => method.IsOverride))
        {
            diagnostics.Add(Descriptors.NoForward, place, symbol.Name, baseName == DeclaredTypes.Model ? "ForwardContext context" : "Activation x, ForwardContext context");
        }

        var properties = new List<PropertySpec>();
        var parser = new PropertyParser(config, baseName == DeclaredTypes.Model, properties, diagnostics);
        foreach (var property in _properties.Of(symbol))
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

    /// <summary>Names that modules of different classes claim; those of one class are the property parser's.</summary>
    private static void CheckNames(List<ModuleLeaf> modules, INamedTypeSymbol model, Location place, DiagnosticBag diagnostics)
    {
        foreach (var name in new Func<ModuleLeaf, string?>[] { leaf => leaf.Path, leaf => leaf.Gguf })
        {
            foreach (var alike in modules.Where(leaf => !leaf.IsOptional && name(leaf) is not null).GroupBy(name))
            {
                var others = alike.Skip(1).Where(leaf => !leaf.Property.ContainingType.Equals(alike.First().Property.ContainingType, SymbolEqualityComparer.Default));
                if (others.FirstOrDefault() is not { } other) continue;
                var isOurs = other.Property.ContainingType.Equals(model, SymbolEqualityComparer.Default);
                diagnostics.Add(Descriptors.DuplicatePath, isOurs ? other.Property.Locations.FirstOrDefault() : place, alike.First().Property.Name, other.Property.Name, alike.Key!);
            }
        }
    }
}
