using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Finds the declared classes of a compilation and reads them all.</summary>
internal static class DeclarationReader
{
    private const string Suffix = "Attribute";

    private static readonly string[] Kinds = [DeclaredTypes.Model, DeclaredTypes.Block, DeclaredTypes.Part];

    public static Declarations Read(CSharpCompilation compilation, CancellationToken cancellation)
    {
        var (models, blocks, parts) = (new List<ParseResult<ModelSpec>>(), new List<ParseResult<PartSpec>>(), new List<ParseResult<PartSpec>>());
        var parser = new ModelParser();
        foreach (var (symbol, syntax, kind) in Find(compilation, cancellation))
        {
            cancellation.ThrowIfCancellationRequested();
            if (kind == DeclaredTypes.Model) models.Add(parser.ParseModel(symbol, syntax));
            else (kind == DeclaredTypes.Block ? blocks : parts).Add(parser.ParsePart(symbol, syntax, kind));
        }

        List<ParseResult<PartSpec>> all = [.. blocks, .. parts];
        return new Declarations(
            new(models.Select(result => result.Spec).OfType<ModelSpec>()),
            new(blocks.Select(result => result.Spec).OfType<PartSpec>()),
            new(parts.Select(result => result.Spec).OfType<PartSpec>()),
            new([
                .. models.SelectMany(result => result.Diagnostics), .. all.SelectMany(result => result.Diagnostics),
                .. DuplicateModelTypes.Find(models), .. UnreachableParts.Find(models, all),
            ]));
    }

    /// <summary>The classes with one of the attributes: by name first, as the compiler's own index does it, so that no other class is bound.</summary>
    private static IEnumerable<(INamedTypeSymbol Symbol, ClassDeclarationSyntax Syntax, string Kind)> Find(CSharpCompilation compilation, CancellationToken cancellation)
    {
        var files = compilation.SyntaxTrees.Select(tree => FileSyntax.Of(tree, cancellation)).ToList();
        var names = new HashSet<string>(Kinds.Concat(Kinds.Select(kind => kind + Suffix)));
        foreach (var alias in files.SelectMany(file => file.Aliases))
        {
            names.Add(alias);
            if (alias.EndsWith(Suffix, StringComparison.Ordinal)) names.Add(alias.Substring(0, alias.Length - Suffix.Length));
        }

        foreach (var syntax in files.SelectMany(file => file.Classes).Where(type => FileSyntax.HasAttribute(type, names)))
        {
            if (compilation.GetSemanticModel(syntax.SyntaxTree).GetDeclaredSymbol(syntax, cancellation) is not INamedTypeSymbol symbol) continue;
            foreach (var attribute in symbol.GetAttributes())
            {
                // Each attribute counts at the part of the class that it is written on.
                if (attribute.ApplicationSyntaxReference?.GetSyntax(cancellation).Parent?.Parent == syntax && AttributeValues.NameOf(attribute) is { } kind && Kinds.Contains(kind))
                {
                    yield return (symbol, syntax, kind);
                }
            }
        }
    }
}
