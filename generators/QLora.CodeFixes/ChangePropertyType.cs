using System.Composition;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeFixes;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Simplification;

namespace QLora.CodeFixes;

/// <summary>QLORA0011: a property of another type than the module that it is declared as. Lists of blocks are for a person to mend.</summary>
[ExportCodeFixProvider(LanguageNames.CSharp, Name = nameof(ChangePropertyType)), Shared]
public sealed class ChangePropertyType() : DeclarationFix<PropertyDeclarationSyntax>("QLORA0011", "Give the property the type of its module")
{
    private const string Suffix = "Attribute";

    /// <inheritdoc/>
    protected override PropertyDeclarationSyntax? Mend(PropertyDeclarationSyntax node, SemanticModel model)
    {
        var types = Declarations.EngineAttributes(node, model)
            .Select(found => "QLora.Layers." + found.Name.Substring(0, found.Name.Length - Suffix.Length))
            .Where(name => model.Compilation.GetTypeByMetadataName(name) is not null)
            .ToList();
        if (types.Count != 1) return null;
        var type = SyntaxFactory.ParseTypeName("global::" + types[0]).WithAdditionalAnnotations(Simplifier.Annotation);
        return node.WithType(type.WithTriviaFrom(node.Type));
    }
}
