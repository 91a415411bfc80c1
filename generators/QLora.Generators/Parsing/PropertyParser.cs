using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using QLora.Generators.Diagnostics;
using QLora.Generators.Model;

namespace QLora.Generators.Parsing;

/// <summary>Reads the annotated properties of one class into their specs, in order.</summary>
/// <param name="config">The config whose members they name.</param>
/// <param name="inModel">Whether the class is a model, not a block or part.</param>
/// <param name="before">The properties declared before the one that is read.</param>
/// <param name="diagnostics">Takes what is wrong.</param>
internal sealed class PropertyParser(INamedTypeSymbol config, bool inModel, List<PropertySpec> before, DiagnosticBag diagnostics)
{
    public const string Placeholder = "{0}";

    private static readonly SymbolDisplayFormat Nullable =
        SymbolDisplayFormat.FullyQualifiedFormat.AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    /// <summary>The spec of a property; null when it is no module.</summary>
    public PropertySpec? Parse(DeclaredProperty declared)
    {
        var (property, target, modules) = declared;
        if (target is not null && !modules.Any(module => module.Kind == ModuleKind.Linear)) diagnostics.Add(Descriptors.TargetNotLinear, AttributeValues.Place(target), property.Name);
        if (modules.Count == 0) return null;
        if (modules.Count > 1)
        {
            diagnostics.Add(Descriptors.TwoKinds, AttributeValues.Place(modules[1].Attribute), property.Name, modules[0].Kind.ToString(), modules[1].Kind.ToString());
        }

        var (kind, attribute) = modules[0];
        var members = new ConfigMembers(property, attribute, config, diagnostics);
        var spec = new PropertySpec(
            kind,
            property.Name,
            Modifiers(property),
            property.Type.ToDisplayString(Nullable),
            AttributeValues.First(attribute),
            AttributeValues.String(attribute, "Gguf"),
            members.Condition("When", hasLayer: !inModel))
        {
            Rows = kind switch
            {
                ModuleKind.Embedding => members.Integer("Rows"),
                ModuleKind.Linear => members.Integer("Out"),
                ModuleKind.Blocks => members.Integer("Count"),
                ModuleKind.Part => "",
                _ => members.Integer("Size"),
            },
            Columns = kind switch { ModuleKind.Embedding => members.Integer("Columns"), ModuleKind.Linear => members.Integer("In"), _ => null },
            Epsilon = kind is ModuleKind.RmsNorm or ModuleKind.LayerNorm ? members.Float("Epsilon") : null,
            StoredMinusOne = members.OptionalBoolean("StoredMinusOne"),
            Bias = members.OptionalBoolean("Bias"),
            TiedTo = AttributeValues.String(attribute, "TiedTo"),
            TiedWhen = members.OptionalBoolean("TiedWhen"),
            GgufRotaryHeads = members.OptionalInteger("GgufRotaryHeads"),
            Transposed = AttributeValues.Boolean(attribute, "Transposed"),
            KeepFullPrecision = AttributeValues.Boolean(attribute, "KeepFullPrecision"),
            IsLoraTarget = target is not null,
            GgufStacked = AttributeValues.Boolean(attribute, "GgufStacked"),
            PartType = declared.Part?.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat),
        };
        CheckShape(property, spec);
        CheckPaths(attribute, spec);
        CheckTie(attribute, spec);
        return spec;
    }

    private void CheckShape(IPropertySymbol property, PropertySpec spec)
    {
        if (Syntax(property) is not { } syntax || !syntax.Modifiers.Any(SyntaxKind.PartialKeyword) || property.SetMethod is not null)
        {
            diagnostics.Add(Descriptors.PropertyNotPartial, Place(property), property.Name, property.Type.ToDisplayString(SymbolDisplayFormat.MinimallyQualifiedFormat));
        }

        if (spec.IsComposite) CheckComposite(property, spec.Kind);
        else if (!DeclaredTypes.IsLayer(property.Type, spec.Kind.ToString())) WrongType(property, spec.Kind, $"QLora.Layers.{spec.Kind}");
        else if (spec.When is not null && property.NullableAnnotation != NullableAnnotation.Annotated) diagnostics.Add(Descriptors.NotNullable, Place(property), property.Name, spec.When, spec.Kind.ToString());
    }

    private void CheckComposite(IPropertySymbol property, ModuleKind kind)
    {
        var part = kind == ModuleKind.Part ? property.Type : DeclaredTypes.ElementType(property.Type);
        var expected = inModel ? DeclaredTypes.Block : DeclaredTypes.Part;
        if (kind == ModuleKind.Part && inModel) diagnostics.Add(Descriptors.PartInModel, Place(property), property.Name);
        else if (part is null) WrongType(property, kind, "IReadOnlyList<…>");
        else if (!DeclaredTypes.Fits(part, expected, config)) diagnostics.Add(Descriptors.NoPart, Place(property), property.Name, part.Name, expected, config.Name);
    }

    private void WrongType(IPropertySymbol property, ModuleKind kind, string expected)
        => diagnostics.Add(Descriptors.WrongPropertyType, TypePlace(property), property.Name, kind.ToString(), expected, property.Type.ToDisplayString());

    private void CheckPaths(AttributeData attribute, PropertySpec spec)
    {
        foreach (var (path, argument) in new[] { (spec.Path, null), (spec.Gguf, "Gguf") })
        {
            if (path is null) continue;
            var place = AttributeValues.Place(attribute, argument);
            var placeholders = path.Split(new[] { Placeholder }, StringSplitOptions.None).Length - 1;
            if (spec.Kind == ModuleKind.Blocks && placeholders != 1) diagnostics.Add(Descriptors.PlaceholderMissing, place, path, spec.Name);
            if (spec.Kind != ModuleKind.Blocks && placeholders != 0) diagnostics.Add(Descriptors.PlaceholderOutside, place, path, spec.Name);
            if (spec.Kind == ModuleKind.Part && argument is not null) continue; // parts may share what is around them
            if (before.FirstOrDefault(other => (spec.When is null || other.When is null) && (argument is null ? other.Path : other.Gguf) == path) is { } same) diagnostics.Add(Descriptors.DuplicatePath, place, same.Name, spec.Name, path);
        }
    }

    private void CheckTie(AttributeData attribute, PropertySpec spec)
    {
        if (spec.TiedTo is null && spec.TiedWhen is null) return;
        var place = AttributeValues.Place(attribute, spec.TiedTo is null ? "TiedWhen" : "TiedTo");
        if (before.FirstOrDefault(other => other.Name == spec.TiedTo && other.Kind == ModuleKind.Embedding) is not { } table)
        {
            diagnostics.Add(Descriptors.TiedToMissing, place, spec.Name, spec.TiedTo ?? "");
        }
        else if ((table.Rows, table.Columns) != (spec.Rows, spec.Columns))
        {
            diagnostics.Add(Descriptors.TiedShape, place, spec.Name, spec.Rows, spec.Columns!, table.Name, table.Rows, table.Columns!);
        }
    }

    /// <summary>The modifiers as they are written, which both halves must agree in.</summary>
    private static string Modifiers(IPropertySymbol property)
        => string.Join(" ", Syntax(property)?.Modifiers.Where(modifier => !modifier.IsKind(SyntaxKind.PartialKeyword)).Select(modifier => modifier.Text) ?? []);

    private static PropertyDeclarationSyntax? Syntax(IPropertySymbol property)
        => property.DeclaringSyntaxReferences.Select(reference => reference.GetSyntax()).OfType<PropertyDeclarationSyntax>().FirstOrDefault();

    private static Location? TypePlace(IPropertySymbol property) => Syntax(property)?.Type.GetLocation() ?? Place(property);

    private static Location? Place(IPropertySymbol property) => property.Locations.FirstOrDefault();
}
