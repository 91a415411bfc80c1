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
            .WithTrackingName(StepNames.Models);
        var blocks = context.SyntaxProvider
            .ForAttributeWithMetadataName(BlockAttribute, static (node, _) => node is ClassDeclarationSyntax, static (attributed, _) => ModelParser.ParseBlock(attributed))
            .WithTrackingName(StepNames.Blocks);

        // Sources: from specs alone, so that an edit which changes no spec emits nothing again.
        var modelSpecs = models.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.ModelSpecs);
        var blockSpecs = blocks.Select(static (result, _) => result.Spec).WithTrackingName(StepNames.BlockSpecs);
        context.RegisterSourceOutput(modelSpecs, static (output, spec) => { if (spec is not null) output.AddSource($"{spec.Type.Name}.g.cs", ModelEmitter.Emit(spec)); });
        context.RegisterSourceOutput(blockSpecs, static (output, spec) => { if (spec is not null) output.AddSource($"{spec.Type.Name}.g.cs", BlockEmitter.Emit(spec)); });

        // Diagnostics: apart, because they carry places in files and change with every line above them.
        context.RegisterSourceOutput(models.Select(static (result, _) => result.Diagnostics), Report);
        context.RegisterSourceOutput(blocks.Select(static (result, _) => result.Diagnostics), Report);
        context.RegisterSourceOutput(models.Collect().Select(static (results, _) => DuplicateModelTypes.Find(results)), Report);
    }

    private static void Report(SourceProductionContext output, EquatableArray<DiagnosticSpec> diagnostics)
    {
        foreach (var diagnostic in diagnostics) output.ReportDiagnostic(diagnostic.ToDiagnostic());
    }
}
