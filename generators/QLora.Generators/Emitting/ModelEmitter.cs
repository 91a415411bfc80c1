using QLora.Generators.Model;
using QLora.Generators.Parsing;

namespace QLora.Generators.Emitting;

/// <summary>Emits the other half of a declared model.</summary>
internal static class ModelEmitter
{
    public static string Emit(ModelSpec spec)
    {
        var writer = PropertyEmitter.Begin(spec.Type);
        writer.Line($"using Config = {spec.Type.Config};").Line();
        writer.Open($"partial class {spec.Type.Name} : global::QLora.Models.ICausalLanguageModel<{spec.Type.Name}, Config>");
        foreach (var property in spec.Properties) PropertyEmitter.Property(writer, property);
        EmitConstructor(writer, spec);
        EmitStatics(writer, spec);
        PropertyEmitter.SpecMethods(writer, spec.Properties, inBlock: false);
        writer.Close().Line();
        EmitTargets(writer, spec);
        EmitRegistration(writer, spec);
        return writer.ToString();
    }

    private static void EmitConstructor(SourceWriter writer, ModelSpec spec)
    {
        writer.Open($"private {spec.Type.Name}(Config config, global::QLora.Models.ModuleBuilder builder) : base(config, builder.Backend)");
        writer.Line("var modules = new global::System.Collections.Generic.List<global::QLora.Layers.Module>();");
        foreach (var property in spec.Properties)
        {
            var field = PropertyEmitter.Field(property);
            if (property.Kind == ModuleKind.Blocks)
            {
                writer.Line($"var {field.Substring(1)} = new {property.BlockType}[config.{property.Rows}];");
                writer.Open($"for (var i = 0; i < {field.Substring(1)}.Length; i++)");
                writer.Line($"{field.Substring(1)}[i] = new {property.BlockType}(config, i, {Numbered(property.Path)}, {Numbered(property.Gguf)}, builder);");
                writer.Line($"modules.AddRange({field.Substring(1)}[i].Modules);");
                writer.Close().Line();
                writer.Line($"{field} = {field.Substring(1)};");
            }
            else
            {
                writer.Line($"modules.Add({field} = {PropertyEmitter.Build(property, spec.Properties, inBlock: false)});");
            }
        }

        writer.Line("Modules = modules;");
        writer.Close().Line();
    }

    private static void EmitStatics(SourceWriter writer, ModelSpec spec)
    {
        writer.Line("/// <inheritdoc/>").Line($"public static string ModelType => {SourceWriter.Literal(spec.ModelType)};").Line();
        writer.Line("/// <inheritdoc/>").Line($"public static string GgufArchitecture => {SourceWriter.Literal(spec.GgufArchitecture)};").Line();
        writer.Line("/// <inheritdoc/>").Line("public override global::System.Collections.Generic.IReadOnlyList<global::QLora.Layers.Module> Modules { get; }").Line();
        writer.Line("/// <inheritdoc/>").Line($"public static {spec.Type.Name} Create(Config config, global::QLora.Models.ModuleBuilder builder) => new(config, builder);").Line();
        writer.Line("/// <inheritdoc/>");
        writer.Open("public static global::System.Collections.Generic.IReadOnlyList<global::QLora.Models.ModuleSpec> Describe(Config config)");
        writer.Line("var modules = new global::System.Collections.Generic.List<global::QLora.Models.ModuleSpec>();");
        foreach (var property in spec.Properties)
        {
            writer.Line(property.Kind == ModuleKind.Blocks
                ? $"for (var i = 0; i < config.{property.Rows}; i++) modules.AddRange({property.BlockType}.Describe(config, {Numbered(property.Path)}, {Numbered(property.Gguf)}));"
                : $"modules.Add({PropertyEmitter.SpecCall(property, inBlock: false)});");
        }

        writer.Line("return modules;");
        writer.Close();
    }

    private static void EmitTargets(SourceWriter writer, ModelSpec spec)
    {
        var name = (spec.Type.Name.EndsWith("Model", StringComparison.Ordinal) ? spec.Type.Name.Substring(0, spec.Type.Name.Length - 5) : spec.Type.Name) + "Targets";
        writer.Line($"/// <summary>The linear layers of {spec.Type.Name} that may carry an adapter.</summary>").Line("[global::System.Flags]");
        writer.Open($"{spec.Type.Accessibility} enum {name}");
        writer.Line("/// <summary>None of them.</summary>").Line("None = 0,");
        for (var i = 0; i < spec.Targets.Count; i++)
        {
            writer.Line($"/// <summary><c>{SourceWriter.Xml(spec.Targets[i].PeftName)}</c>.</summary>").Line($"{spec.Targets[i].Name} = 1 << {i},");
        }

        writer.Line("/// <summary>All but the output head.</summary>");
        var linear = string.Join(" | ", spec.Targets.Where(target => !target.IsHead).Select(target => target.Name));
        writer.Line($"AllLinear = {(linear.Length == 0 ? "None" : linear)},");
        writer.Close().Line();
        writer.Line($"/// <summary>Turns <see cref=\"{name}\"/> into the names that PEFT uses.</summary>");
        writer.Open($"{spec.Type.Accessibility} static class {name}Extensions");
        writer.Line("/// <summary>The layers as PEFT's <c>target_modules</c>.</summary>");
        writer.Open($"public static global::QLora.Adapters.TargetModules ToTargetModules(this {name} targets)");
        writer.Line("var names = new global::System.Collections.Generic.List<string>();");
        foreach (var target in spec.Targets) writer.Line($"if ((targets & {name}.{target.Name}) != 0) names.Add({SourceWriter.Literal(target.PeftName)});");
        writer.Line("return global::QLora.Adapters.TargetModules.Names(names);");
        writer.Close().Close().Line();
    }

    private static void EmitRegistration(SourceWriter writer, ModelSpec spec)
    {
        writer.Open($"file static class {spec.Type.Name}Registration");
        writer.Line("#pragma warning disable CA2255 // the registry must know the model before anybody asks for it");
        writer.Line("[global::System.Runtime.CompilerServices.ModuleInitializer]");
        writer.Line("#pragma warning restore CA2255");
        writer.Line($"internal static void Register() => global::QLora.Models.ModelRegistry.Register<{spec.Type.Name}, {spec.Type.Config}>();");
        writer.Close();
    }

    /// <summary>An expression for a path with the number i in it.</summary>
    private static string Numbered(string? path)
    {
        if (path is null) return "null";
        var place = path.IndexOf(PropertyParser.Placeholder, StringComparison.Ordinal);
        var after = path.Substring(place + PropertyParser.Placeholder.Length);
        return $"{SourceWriter.Literal(path.Substring(0, place))} + i{(after.Length == 0 ? "" : " + " + SourceWriter.Literal(after))}";
    }
}
