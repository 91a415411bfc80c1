using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Emitting;
using QLora.Generators.Model;
using QLora.Generators.Parsing;

namespace QLora.Generators;

/// <summary>Emits what follows from the declaration of a model: loading, weight lists, typed targets, registration.</summary>
[Generator(LanguageNames.CSharp)]
public sealed class ModelGenerator : IIncrementalGenerator
{
    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var models = context.SyntaxProvider
            .ForAttributeWithMetadataName(Attribute(DeclaredTypes.Model), IsClass, static (found, _) => new ModelParser().ParseModel((INamedTypeSymbol)found.TargetSymbol, (ClassDeclarationSyntax)found.TargetNode))
            .WithTrackingName(StepNames.ParsedModels);
        var blocks = Parts(context, DeclaredTypes.Block).WithTrackingName(StepNames.ParsedBlocks);
        var parts = Parts(context, DeclaredTypes.Part).WithTrackingName(StepNames.ParsedParts);

        // Sources: from specs alone, which know nothing of places in files, so that an edit which changes no spec emits nothing again.
        context.RegisterSourceOutput(models.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.Models), static (output, spec) =>
        {
            if (spec is not null) output.AddSource(spec.Type.FileName, ModelEmitter.Emit(spec));
        });
        context.RegisterSourceOutput(blocks.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.Blocks), EmitPart);
        context.RegisterSourceOutput(parts.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.Parts), EmitPart);

        // Diagnostics: apart, because they carry places and change with every line above them.
        context.RegisterSourceOutput(models.Select(static (result, _) => result.Diagnostics).WithTrackingName(StepNames.ModelDiagnostics), Report);
        context.RegisterSourceOutput(blocks.Select(static (result, _) => result.Diagnostics).WithTrackingName(StepNames.BlockDiagnostics), Report);
        context.RegisterSourceOutput(parts.Select(static (result, _) => result.Diagnostics).WithTrackingName(StepNames.PartDiagnostics), Report);
        var all = models.Collect().Combine(blocks.Collect().Combine(parts.Collect()).Select(static (pair, _) => pair.Left.AddRange(pair.Right)));
        context.RegisterSourceOutput(models.Collect().Select(static (results, _) => DuplicateModelTypes.Find(results)).WithTrackingName(StepNames.DuplicateModelTypes), Report);
        context.RegisterSourceOutput(all.Select(static (pair, _) => UnreachableParts.Find(pair.Left, pair.Right)).WithTrackingName(StepNames.UnreachableParts), Report);
    }

    private static IncrementalValuesProvider<ParseResult<PartSpec>> Parts(IncrementalGeneratorInitializationContext context, string kind) => context.SyntaxProvider
        .ForAttributeWithMetadataName(Attribute(kind), IsClass, (found, _) => new ModelParser().ParsePart((INamedTypeSymbol)found.TargetSymbol, (ClassDeclarationSyntax)found.TargetNode, kind));

    private static string Attribute(string kind) => $"QLora.Annotations.{kind}Attribute";

    private static bool IsClass(SyntaxNode node, CancellationToken cancellation) => node is ClassDeclarationSyntax;

    private static void EmitPart(SourceProductionContext output, PartSpec? spec)
    {
        if (spec is not null) output.AddSource(spec.Type.FileName, PartEmitter.Emit(spec));
    }

    private static void Report(SourceProductionContext output, EquatableArray<DiagnosticSpec> diagnostics)
    {
        foreach (var diagnostic in diagnostics) output.ReportDiagnostic(diagnostic.ToDiagnostic());
    }
}
