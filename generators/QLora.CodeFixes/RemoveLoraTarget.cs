using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.CodeFixes;

/// <summary>QLORA0005: a LoRA target that is no linear layer.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(RemoveLoraTarget)), Shared]
public sealed class RemoveLoraTarget() : DeclarationFix<PropertyDeclarationSyntax>("QLORA0005", "Remove [LoraTarget]")
{
    /// <inheritdoc/>
    protected override PropertyDeclarationSyntax? Mend(PropertyDeclarationSyntax node, SemanticModel model)
    {
        if (Declarations.EngineAttributes(node, model).FirstOrDefault(found => found.Name == "LoraTargetAttribute").Attribute is not { } attribute) return null;
        var list = (AttributeListSyntax)attribute.Parent!;
        var mended = node.RemoveNode(list.Attributes.Count > 1 ? attribute : list, SyntaxRemoveOptions.KeepNoTrivia)!;
        return mended.WithLeadingTrivia(node.GetLeadingTrivia()); // the documentation stands before the first list of attributes
    }
}
