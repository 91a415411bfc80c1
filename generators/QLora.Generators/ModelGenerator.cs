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
    private const string ModelAttribute = "QLora.Annotations.CausalLanguageModelAttribute";
    private const string BlockAttribute = "QLora.Annotations.DecoderBlockAttribute";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var models = context.SyntaxProvider
            .ForAttributeWithMetadataName(ModelAttribute, static (node, _) => node is ClassDeclarationSyntax, static (attributed, _) => ModelParser.ParseModel(attributed))
            .WithTrackingName(StepNames.ParsedModels);
        var blocks = context.SyntaxProvider
            .ForAttributeWithMetadataName(BlockAttribute, static (node, _) => node is ClassDeclarationSyntax, static (attributed, _) => ModelParser.ParseBlock(attributed))
            .WithTrackingName(StepNames.ParsedBlocks);

        // Sources: from specs alone, which know nothing of places in files, so that an edit which changes no spec emits nothing again.
        context.RegisterSourceOutput(models.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.Models), static (output, spec) =>
        {
            if (spec is not null) output.AddSource(spec.Type.FileName, ModelEmitter.Emit(spec));
        });
        context.RegisterSourceOutput(blocks.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.Blocks), static (output, spec) =>
        {
            if (spec is not null) output.AddSource(spec.Type.FileName, BlockEmitter.Emit(spec));
        });

        // Diagnostics: apart, because they carry places and change with every line above them.
        context.RegisterSourceOutput(models.Select(static (result, _) => result.Diagnostics).WithTrackingName(StepNames.ModelDiagnostics), Report);
        context.RegisterSourceOutput(blocks.Select(static (result, _) => result.Diagnostics).WithTrackingName(StepNames.BlockDiagnostics), Report);
        context.RegisterSourceOutput(models.Collect().Select(static (results, _) => DuplicateModelTypes.Find(results)).WithTrackingName(StepNames.DuplicateModelTypes), Report);
    }

    private static void Report(SourceProductionContext output, EquatableArray<DiagnosticSpec> diagnostics)
    {
        foreach (var diagnostic in diagnostics) output.ReportDiagnostic(diagnostic.ToDiagnostic());
    }
}
