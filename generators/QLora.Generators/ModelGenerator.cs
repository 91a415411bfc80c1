using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
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
        // One step for all classes, behind a comparer that sees whether reading them again could tell anything new: a step for each class would bind its attributes at every keystroke.
        var declarations = context.CompilationProvider
            .Select(static (compilation, _) => new Project((CSharpCompilation)compilation))
            .WithComparer(Project.Comparer.Instance)
            .WithTrackingName(StepNames.Projects)
            .Select(static (project, cancellation) => project.Read(cancellation))
            .WithTrackingName(StepNames.Declarations);

        // Sources: from specs alone, which know nothing of places in files, so that an edit which changes no spec emits nothing again.
        context.RegisterSourceOutput(declarations.SelectMany(static (all, _) => all.Models).WithTrackingName(StepNames.Models), static (output, spec) =>
            output.AddSource(spec.Type.FileName, ModelEmitter.Emit(spec)));
        context.RegisterSourceOutput(declarations.SelectMany(static (all, _) => all.Blocks).WithTrackingName(StepNames.Blocks), EmitPart);
        context.RegisterSourceOutput(declarations.SelectMany(static (all, _) => all.Parts).WithTrackingName(StepNames.Parts), EmitPart);

        // Diagnostics: apart, because they carry places and change with every line above them.
        context.RegisterSourceOutput(declarations.Select(static (all, _) => all.Diagnostics).WithTrackingName(StepNames.Diagnostics), Report);
    }

    private static void EmitPart(SourceProductionContext output, PartSpec spec) => output.AddSource(spec.Type.FileName, PartEmitter.Emit(spec));

    private static void Report(SourceProductionContext output, EquatableArray<DiagnosticSpec> diagnostics)
    {
        foreach (var diagnostic in diagnostics) output.ReportDiagnostic(diagnostic.ToDiagnostic());
    }
}
