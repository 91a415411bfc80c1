using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.CodeFixes;

/// <summary>QLORA0008: a path of blocks without the number of the block. With two of them a person must say which one is meant.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(AddPlaceholder)), Shared]
public sealed class AddPlaceholder() : DeclarationFix<PropertyDeclarationSyntax>("QLORA0008", "Add the number of the block: '.{0}'")
{
    private const string Placeholder = "{0}";

    /// <inheritdoc/>
    protected override PropertyDeclarationSyntax? Mend(PropertyDeclarationSyntax node, SemanticModel model)
    {
        var paths = Declarations.EngineAttributes(node, model)
            .Where(found => found.Name == "BlocksAttribute")
            .SelectMany(found => found.Attribute.ArgumentList?.Arguments ?? [])
            .Where(argument => argument.NameEquals is not { Name.Identifier.Text: not "Gguf" })
            .Select(argument => argument.Expression)
            .OfType<LiteralExpressionSyntax>()
            .Where(path => path.IsKind(SyntaxKind.StringLiteralExpression) && !path.Token.ValueText.Contains(Placeholder))
            .ToList();
        return paths.Count == 0 ? null : node.ReplaceNodes(paths, (_, path) => path.WithToken(Extended(path.Token)));
    }

    private static SyntaxToken Extended(SyntaxToken path)
        => SyntaxFactory.Literal(path.ValueText + (path.ValueText.Length == 0 ? "" : ".") + Placeholder).WithTriviaFrom(path);
}
