using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace QLora.Generators.Parsing;

/// <summary>Whether two states of a project differ at most inside the bodies of members, where nothing can change what a declaration means.</summary>
internal static class TopLevel
{
    public static bool AreAlike(IReadOnlyList<SyntaxTree> before, IReadOnlyList<SyntaxTree> after)
    {
        if (before.Count != after.Count) return false;
        for (var i = 0; i < before.Count; i++)
        {
            if (!AreAlike(before[i], after[i])) return false;
        }

        return true;
    }

    private static bool AreAlike(SyntaxTree before, SyntaxTree after)
        => before == after
            || (before.FilePath == after.FilePath && before.Options.Equals(after.Options) && SyntaxFactory.AreEquivalent(before, after, topLevel: true)
                && !HasHiddenDirective(before) && !HasHiddenDirective(after));

    /// <summary>
    /// Whether <c>#nullable</c> stands in the initial value of a field: it holds for all that follows, but the compiler leaves those values out of its comparison with all that
    /// is in them.
    /// </summary>
    private static bool HasHiddenDirective(SyntaxTree tree)
    {
        var root = (CSharpSyntaxNode)tree.GetRoot();
        for (var directive = root.GetFirstDirective(); directive is not null; directive = directive.GetNextDirective())
        {
            if (directive is NullableDirectiveTriviaSyntax && directive.ParentTrivia.Token.Parent?.FirstAncestorOrSelf<EqualsValueClauseSyntax>() is not null) return true;
        }

        return false;
    }
}
