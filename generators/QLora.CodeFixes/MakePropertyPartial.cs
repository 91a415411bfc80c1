using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.CodeFixes;

/// <summary>QLORA0002: a declared property that is not partial, or has more than a getter.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MakePropertyPartial)), Shared]
public sealed class MakePropertyPartial() : DeclarationFix<PropertyDeclarationSyntax>("QLORA0002", "Make the property partial with only a getter")
{
    /// <inheritdoc/>
    protected override PropertyDeclarationSyntax? Mend(PropertyDeclarationSyntax node, SemanticModel model)
    {
        var getter = SyntaxFactory.AccessorDeclaration(SyntaxKind.GetAccessorDeclaration).WithSemicolonToken(SyntaxFactory.Token(SyntaxKind.SemicolonToken));
        var accessors = SyntaxFactory.AccessorList(
            SyntaxFactory.Token(SyntaxKind.OpenBraceToken).WithTrailingTrivia(SyntaxFactory.Space),
            [getter.WithTrailingTrivia(SyntaxFactory.Space)],
            SyntaxFactory.Token(SyntaxKind.CloseBraceToken));
        return node
            .WithIdentifier(node.Identifier.WithTrailingTrivia(SyntaxFactory.Space))
            .WithAccessorList(accessors)
            .WithExpressionBody(null)
            .WithInitializer(null)
            .WithSemicolonToken(default)
            .WithTrailingTrivia(node.GetTrailingTrivia())
            .WithPartial();
    }
}
