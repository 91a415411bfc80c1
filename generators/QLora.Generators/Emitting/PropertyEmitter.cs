using QLora.Generators.Model;

namespace QLora.Generators.Emitting;

/// <summary>Emits what follows from each declared property alike in models, blocks and parts: a field, the property, and the spec of its module.</summary>
internal static class PropertyEmitter
{
    public static string Field(PropertySpec property) => "_" + char.ToLowerInvariant(property.Name[0]) + property.Name.Substring(1);

    /// <summary>The field behind a property, and the property with what was generated for it in its documentation.</summary>
    public static void Property(SourceWriter writer, PropertySpec property)
    {
        writer.Line($"private readonly {property.Type} {Field(property)};").Line();
        writer.Line($"/// <remarks>{Remarks(property)}</remarks>");
        writer.Line($"{property.Modifiers} partial {property.Type} {property.Name} => {Field(property)};").Line();
    }

    /// <summary>The methods that give the modules' specs, which loading, counting and planning all start from.</summary>
    public static void SpecMethods(SourceWriter writer, IEnumerable<PropertySpec> properties)
    {
        foreach (var property in properties.Where(property => !property.IsComposite))
        {
            writer.Line();
            writer.Line($"/// <summary>{Remarks(property)}</summary>");
            writer.Line($"private static global::QLora.Models.{property.Kind}Spec {property.Name}Spec(Config config, global::QLora.Models.ModulePath path)");
            writer.Line($"    => new({Child(property)}, {Sizes(property)}){Settings(property)};");
        }
    }

    /// <summary>The call of one of <see cref="SpecMethods"/>.</summary>
    public static string SpecCall(PropertySpec property) => SpecCall(property.Name);

    /// <summary>The expression that makes a module that is not composite.</summary>
    public static string Build(PropertySpec property, IEnumerable<PropertySpec> siblings)
    {
        var call = SpecCall(property);
        if (property.Kind != ModuleKind.Linear) return $"builder.{property.Kind}({call})";
        var tied = siblings.FirstOrDefault(sibling => sibling.Name == property.TiedTo);
        return tied is null
            ? $"builder.Linear({call}, tiedTo: null)"
            : $"builder.Linear({call}, tiedTo: {(property.TiedWhen is null ? Field(tied) : $"config.{property.TiedWhen} ? {Field(tied)} : null")})";
    }

    /// <summary>The path of a module or part.</summary>
    public static string Child(PropertySpec property)
    {
        // A part without a GGUF path stands directly under what is around it.
        var gguf = property.Kind == ModuleKind.Part ? property.Gguf ?? "" : property.Gguf;
        return $"path.Child({SourceWriter.Literal(property.Path)}, {SourceWriter.Literal(gguf)})";
    }

    /// <summary>The path of block i of a list.</summary>
    public static string Item(PropertySpec property) => property.GgufStacked
        ? $"path.Stacked({SourceWriter.Literal(property.Path)}, i, config.{property.Rows})"
        : $"path.Item({SourceWriter.Literal(property.Path)}, {SourceWriter.Literal(property.Gguf)}, i)";

    private static string SpecCall(string property) => $"{property}Spec(config, path)";

    private static string Sizes(PropertySpec property) => property.Kind switch
    {
        ModuleKind.Embedding => $"config.{property.Rows}, config.{property.Columns}",
        ModuleKind.Linear => $"In: config.{property.Columns}, Out: config.{property.Rows}",
        _ => $"config.{property.Rows}, config.{property.Epsilon}",
    };

    private static string Settings(PropertySpec property)
    {
        var settings = new List<string>();
        if (property.Bias is not null) settings.Add($"HasBias = config.{property.Bias}");
        if (property.TiedTo is not null) settings.Add($"TiedTo = {TiedTo(property)}");
        if (property.GgufRotaryHeads is not null) settings.Add($"GgufRotaryHeads = config.{property.GgufRotaryHeads}");
        if (property.StoredMinusOne is not null) settings.Add($"StoredMinusOne = config.{property.StoredMinusOne}");
        if (property.Transposed) settings.Add("Transposed = true");
        if (property.KeepFullPrecision) settings.Add("KeepFullPrecision = true");
        if (property.IsLoraTarget) settings.Add("IsLoraTarget = true");
        return settings.Count == 0 ? "" : $" {{ {string.Join(", ", settings)} }}";
    }

    private static string TiedTo(PropertySpec property)
    {
        var path = $"{SpecCall(property.TiedTo!)}.Path";
        return property.TiedWhen is null ? path : $"config.{property.TiedWhen} ? {path} : null";
    }

    private static string Remarks(PropertySpec property)
    {
        var path = SourceWriter.Xml(property.Path);
        var what = property.Kind switch
        {
            ModuleKind.Blocks => $"<c>{path}</c>, {property.Rows} of them",
            ModuleKind.Part => $"<c>{path}</c>",
            ModuleKind.RmsNorm => $"<c>{path}.weight</c> ({property.Rows}){(property.StoredMinusOne is null ? "" : $", stored minus one when {property.StoredMinusOne}")}",
            ModuleKind.LayerNorm => $"<c>{path}.weight</c> and <c>{path}.bias</c> ({property.Rows})",
            _ => $"<c>{path}.weight</c> ({property.Rows}, {property.Columns}){(property.Transposed ? ", stored transposed" : "")}"
                + $"{(property.Bias is null ? "" : $" and, when {property.Bias}, <c>{path}.bias</c> ({property.Rows})")}"
                + $"{(property.TiedTo is null ? "" : $"; the table of {property.TiedTo}{(property.TiedWhen is null ? "" : $" when {property.TiedWhen}")}")}",
        };
        return $"{what}{(property.When is null ? "" : $"; only when <c>{SourceWriter.Xml(property.When)}</c>")}.";
    }
}
