using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Reads the annotated properties of one class into their specs, in order.</summary>
/// <param name="config">The config whose members they name.</param>
/// <param name="inBlock">Whether the class is a block.</param>
/// <param name="before">The properties declared before the one that is read.</param>
/// <param name="diagnostics">Takes what is wrong.</param>
internal sealed class PropertyParser(INamedTypeSymbol config, bool inBlock, List<PropertySpec> before, DiagnosticBag diagnostics)
{
    public const string Placeholder = "{0}";

    private static readonly ModuleKind[] Kinds = [ModuleKind.Embedding, ModuleKind.Linear, ModuleKind.RmsNorm, ModuleKind.Blocks];

    /// <summary>The spec of a property; null when it is not annotated.</summary>
    public PropertySpec? Parse(IPropertySymbol property)
    {
        var isTarget = AttributeValues.Find(property, "LoraTargetAttribute") is not null;
        var declared = Kinds.Select(kind => (Kind: kind, Attribute: AttributeValues.Find(property, kind + "Attribute"))).Where(found => found.Attribute is not null).ToList();
        if (isTarget && !declared.Any(found => found.Kind == ModuleKind.Linear)) diagnostics.Add(Descriptors.TargetNotLinear, Place(property), property.Name);
        if (declared.Count == 0) return null;
        if (declared.Count > 1) diagnostics.Add(Descriptors.TwoKinds, Place(property), property.Name, declared[0].Kind.ToString(), declared[1].Kind.ToString());

        var (kind, attribute) = (declared[0].Kind, declared[0].Attribute!);
        CheckShape(property, kind);
        var members = new ConfigMembers(property, attribute, config, diagnostics);
        var spec = new PropertySpec(
            kind,
            property.Name,
            Modifiers(property),
            property.Type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
            AttributeValues.First(attribute),
            AttributeValues.String(attribute, "Gguf"),
            Rows: members.Integer(kind switch { ModuleKind.Embedding => "Rows", ModuleKind.Linear => "Out", ModuleKind.RmsNorm => "Size", _ => "Count" }),
            Columns: kind switch { ModuleKind.Embedding => members.Integer("Columns"), ModuleKind.Linear => members.Integer("In"), _ => null },
            Epsilon: kind == ModuleKind.RmsNorm ? members.Float("Epsilon") : null,
            Bias: members.OptionalBoolean("Bias"),
            TiedTo: AttributeValues.String(attribute, "TiedTo"),
            TiedWhen: members.OptionalBoolean("TiedWhen"),
            GgufRotaryHeads: members.OptionalInteger("GgufRotaryHeads"),
            KeepFullPrecision: AttributeValues.Boolean(attribute, "KeepFullPrecision"),
            isTarget,
            kind == ModuleKind.Blocks ? ElementType(property.Type)?.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat) : null);
        CheckPaths(property, spec);
        CheckTie(property, spec);
        return spec;
    }

    /// <summary>The element type of a list; null when it is none.</summary>
    public static ITypeSymbol? ElementType(ITypeSymbol type)
        => type is INamedTypeSymbol { IsGenericType: true } named && named.OriginalDefinition.ToDisplayString() == "System.Collections.Generic.IReadOnlyList<T>" ? named.TypeArguments[0] : null;

    private void CheckShape(IPropertySymbol property, ModuleKind kind)
    {
        if (Syntax(property) is not { } syntax || !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) || property.SetMethod is not null)
        {
            diagnostics.Add(Descriptors.PropertyNotPartial, Place(property), property.Name, property.Type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat));
        }

        if (kind == ModuleKind.Blocks) CheckBlocks(property);
        else if (property.Type.ToDisplayString() != $"QLora.Layers.{kind}") WrongType(property, kind, $"QLora.Layers.{kind}");
    }

    private void CheckBlocks(IPropertySymbol property)
    {
        if (inBlock) diagnostics.Add(Descriptors.BlocksInBlock, Place(property), property.Name);
        if (ElementType(property.Type) is not { } block) WrongType(property, ModuleKind.Blocks, "IReadOnlyList<…>");
        else if (!ModelParser.IsBlock(block, config)) diagnostics.Add(Descriptors.NoBlock, Place(property), property.Name, block.Name, config.Name);
    }

    private void WrongType(IPropertySymbol property, ModuleKind kind, string expected)
        => diagnostics.Add(Descriptors.WrongPropertyType, Place(property), property.Name, kind.ToString(), expected, property.Type.ToDisplayString());

    private void CheckPaths(IPropertySymbol property, PropertySpec spec)
    {
        if (before.FirstOrDefault(other => other.Path == spec.Path) is { } same) diagnostics.Add(Descriptors.DuplicatePath, Place(property), same.Name, spec.Name, spec.Path);
        if (spec.Gguf is { } gguf && before.FirstOrDefault(other => other.Gguf == gguf) is { } alike) diagnostics.Add(Descriptors.DuplicatePath, Place(property), alike.Name, spec.Name, gguf);
        if (spec.Kind != ModuleKind.Blocks) return;
        foreach (var path in new[] { spec.Path, spec.Gguf })
        {
            if (path is not null && path.Split(new[] { Placeholder }, StringSplitOptions.None).Length != 2) diagnostics.Add(Descriptors.PlaceholderMissing, Place(property), path, spec.Name);
        }
    }

    private void CheckTie(IPropertySymbol property, PropertySpec spec)
    {
        if (spec.TiedTo is null && spec.TiedWhen is null) return;
        if (before.FirstOrDefault(other => other.Name == spec.TiedTo && other.Kind == ModuleKind.Embedding) is not { } table)
        {
            diagnostics.Add(Descriptors.TiedToMissing, Place(property), spec.Name, spec.TiedTo ?? "");
        }
        else if ((table.Rows, table.Columns) != (spec.Rows, spec.Columns))
        {
            diagnostics.Add(Descriptors.TiedShape, Place(property), spec.Name, spec.Rows, spec.Columns!, table.Name, table.Rows, table.Columns!);
        }
    }

    /// <summary>The modifiers as they are written, which both halves must agree in.</summary>
    private static string Modifiers(IPropertySymbol property)
        => string.Join(" ", Syntax(property)?.Modifiers.Where(modifier => !modifier.IsKind(SyntaxKind.PartialKeyword)).Select(modifier => modifier.Text) ?? []);

    private static PropertyDeclarationSyntax? Syntax(IPropertySymbol property)
        => property.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax()).OfType<PropertyDeclarationSyntax>().FirstOrDefault();

    private static Location? Place(IPropertySymbol property) => property.Locations.FirstOrDefault();
}
