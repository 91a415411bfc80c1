using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Reads one annotated property into its spec.</summary>
internal static class PropertyParser
{
    private const string Placeholder = "{0}";

    /// <summary>The spec of a property; null when it is not annotated or not sound.</summary>
    /// <param name="property">The property.</param>
    /// <param name="config">The config whose members it names.</param>
    /// <param name="before">The properties declared before it.</param>
    /// <param name="diagnostics">Takes what is wrong.</param>
    public static PropertySpec? Parse(IPropertySymbol property, INamedTypeSymbol config, List<PropertySpec> before, DiagnosticBag diagnostics)
    {
        var isTarget = AttributeValues.Find(property, "LoraTargetAttribute") is not null;
        if (FindKind(property) is not var (kind, attribute))
        {
            if (isTarget) diagnostics.Add(Descriptors.TargetNotLinear, Place(property), property.Name);
            return null;
        }

        if (isTarget && kind != ModuleKind.Linear) diagnostics.Add(Descriptors.TargetNotLinear, Place(property), property.Name);
        CheckShape(property, kind, diagnostics);
        var members = new ConfigMembers(property, attribute, config, diagnostics);
        var spec = new PropertySpec(
            kind,
            property.Name,
            Modifiers(property),
            property.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
            attribute.ConstructorArguments[0].Value as string ?? "",
            AttributeValues.String(attribute, "Gguf"),
            Rows: members.Integer(kind switch { ModuleKind.Embedding => "Rows", ModuleKind.Linear => "Out", ModuleKind.RmsNorm => "Size", _ => "Count" })!,
            Columns: kind switch { ModuleKind.Embedding => members.Integer("Columns"), ModuleKind.Linear => members.Integer("In"), _ => null },
            Epsilon: kind == ModuleKind.RmsNorm ? members.Float("Epsilon") : null,
            Bias: members.OptionalBoolean("Bias"),
            TiedTo: AttributeValues.String(attribute, "TiedTo"),
            TiedWhen: members.OptionalBoolean("TiedWhen"),
            GgufRotaryHeads: members.OptionalInteger("GgufRotaryHeads"),
            KeepFullPrecision: AttributeValues.Boolean(attribute, "KeepFullPrecision"),
            isTarget,
            kind == ModuleKind.Blocks ? ElementType(property.Type)?.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) : null);
        CheckPaths(property, spec, before, diagnostics);
        return spec;
    }

    /// <summary>The element type of a list; null when it is none.</summary>
    public static ITypeSymbol? ElementType(ITypeSymbol type)
        => type is INamedTypeSymbol { IsGenericType: true } named && named.OriginalDefinition.ToDisplayString() == "System.Collections.Generic.IReadOnlyList<T>" ? named.TypeArguments[0] : null;

    private static (ModuleKind, AttributeData)? FindKind(IPropertySymbol property)
    {
        foreach (var kind in new[] { ModuleKind.Embedding, ModuleKind.Linear, ModuleKind.RmsNorm, ModuleKind.Blocks })
        {
            if (AttributeValues.Find(property, kind + "Attribute") is { } attribute) return (kind, attribute);
        }

        return null;
    }

    private static void CheckShape(IPropertySymbol property, ModuleKind kind, DiagnosticBag diagnostics)
    {
        var syntax = property.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax()).OfType<PropertyDeclarationSyntax>().FirstOrDefault();
        if (syntax is null || !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) || property.SetMethod is not null)
        {
            diagnostics.Add(Descriptors.PropertyNotPartial, Place(property), property.Name, property.Type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat));
        }

        var expected = kind == ModuleKind.Blocks ? "IReadOnlyList<…>" : $"QLora.Layers.{kind}";
        var fits = kind == ModuleKind.Blocks ? ElementType(property.Type) is not null : property.Type.ToDisplayString() == expected;
        if (!fits) diagnostics.Add(Descriptors.WrongPropertyType, Place(property), property.Name, kind.ToString(), expected, property.Type.ToDisplayString());
    }

    private static void CheckPaths(IPropertySymbol property, PropertySpec spec, List<PropertySpec> before, DiagnosticBag diagnostics)
    {
        if (before.FirstOrDefault(other => other.Path == spec.Path) is { } duplicate) diagnostics.Add(Descriptors.DuplicatePath, Place(property), duplicate.Name, spec.Name, spec.Path);
        if (spec.TiedTo is { } tied && !before.Any(other => other.Name == tied && other.Kind == ModuleKind.Embedding))
        {
            diagnostics.Add(Descriptors.TiedToMissing, Place(property), spec.Name, tied);
        }

        if (spec.Kind != ModuleKind.Blocks) return;
        foreach (var path in new[] { spec.Path, spec.Gguf })
        {
            if (path is not null && path.Split(new[] { Placeholder }, StringSplitOptions.None).Length != 2) diagnostics.Add(Descriptors.PlaceholderMissing, Place(property), path, spec.Name);
        }
    }

    private static string Modifiers(IPropertySymbol property)
        => SyntaxFacts.GetText(property.DeclaredAccessibility) + (property.IsOverride ? " override" : "");

    private static Location? Place(IPropertySymbol property) => property.Locations.FirstOrDefault();
}
