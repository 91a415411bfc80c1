using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.CodeFixes;

/// <summary>QLORA0001: a declared model or block that is not partial.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(MakeTypePartial)), Shared]
public sealed class MakeTypePartial() : DeclarationFix<ClassDeclarationSyntax>("QLORA0001", "Make the class partial")
{
    /// <inheritdoc/>
    protected override ClassDeclarationSyntax? Mend(ClassDeclarationSyntax node, SemanticModel model) => node.WithPartial();
}
