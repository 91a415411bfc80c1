using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.CodeFixes;

/// <summary>What several fixes do to declarations.</summary>
internal static class Declarations
{
    /// <summary>A declaration that is partial, which stands last among the modifiers.</summary>
    public static T WithPartial<T>(this T member) where T : MemberDeclarationSyntax
    {
        if (member.Modifiers.Any(SyntaxKind.PartialKeyword)) return member;
        var partial = SyntaxFactory.Token(SyntaxKind.PartialKeyword).WithTrailingTrivia(SyntaxFactory.Space);
        if (member.Modifiers.Count > 0) return (T)member.AddModifiers(partial);

        // The first word of the declaration holds what stands before it; that word is partial now.
        var first = member.AttributeLists.Count == 0 ? member.GetFirstToken() : member.AttributeLists.Last().GetLastToken().GetNextToken();
        var bare = member.ReplaceToken(first, first.WithLeadingTrivia());
        return (T)bare.AddModifiers(partial.WithLeadingTrivia(first.LeadingTrivia));
    }

    /// <summary>The attributes of the engine on a property, with their names in full.</summary>
    public static IEnumerable<(AttributeSyntax Attribute, string Name)> EngineAttributes(PropertyDeclarationSyntax property, SemanticModel model)
        => from attribute in property.AttributeLists.SelectMany(list => list.Attributes)
           let type = model.GetTypeInfo(attribute).Type
           where type?.ContainingNamespace.ToDisplayString() == "QLora.Annotations"
           select (attribute, type.Name);
}
