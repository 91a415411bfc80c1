namespace QLora.Generators.Model;

/// <summary>Everything that a project declares, and what is wrong with it.</summary>
internal sealed record Declarations(EquatableArray<ModelSpec> Models, EquatableArray<PartSpec> Blocks, EquatableArray<PartSpec> Parts, EquatableArray<DiagnosticSpec> Diagnostics);
