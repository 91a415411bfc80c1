using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;

namespace QLora.CodeFixes;

/// <summary>Mends one kind of mistake in a declaration by writing its class or property anew.</summary>
/// <remarks>
/// The generator reports the diagnostics, and editors offer fixes for those as for an analyzer's. This assembly is apart from it because the compiler, which loads
/// generators, has no workspaces.
/// </remarks>
/// <typeparam name="TNode">What is written anew: the declaration around the place of the diagnostic.</typeparam>
/// <param name="id">The diagnostic.</param>
/// <param name="title">What the editor calls the fix.</param>
public abstract class DeclarationFix<TNode>(string id, string title) : CodeFixProvider where TNode : SyntaxNode
{
    /// <inheritdoc/>
    public sealed override ImmutableArray<string> FixableDiagnosticIds { get; } = [id];

    /// <inheritdoc/>
    public sealed override FixAllProvider GetFixAllProvider() => WellKnownFixAllProviders.BatchFixer;

    /// <inheritdoc/>
    public sealed override async Task RegisterCodeFixesAsync(CodeFixContext context)
    {
        var document = context.Document;
        var root = await document.GetSyntaxRootAsync(context.CancellationToken).ConfigureAwait(false);
        var model = await document.GetSemanticModelAsync(context.CancellationToken).ConfigureAwait(false);
        if (root?.FindToken(context.Span.Start).Parent?.FirstAncestorOrSelf<TNode>() is not { } node || model is null || Mend(node, model) is not { } mended) return;

        context.RegisterCodeFix(
            CodeAction.Create(title, _ => Task.FromResult(document.WithSyntaxRoot(root.ReplaceNode(node, mended))), equivalenceKey: id),
            context.Diagnostics);
    }

    /// <summary>The declaration without the mistake; null where a person must decide.</summary>
    /// <param name="node">The declaration.</param>
    /// <param name="model">What its names mean.</param>
    protected abstract TNode? Mend(TNode node, SemanticModel model);
}
