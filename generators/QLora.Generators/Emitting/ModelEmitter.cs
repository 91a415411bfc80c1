using QLora.Generators.Model;

namespace QLora.Generators.Emitting;

/// <summary>Emits the other half of a declared model.</summary>
internal static class ModelEmitter
{
    public static string Emit(ModelSpec spec)
    {
        var writer = ClassEmitter.Begin(spec.Type);
        writer.Open($"partial class {spec.Type.Name} : global::QLora.Models.ICausalLanguageModel<{spec.Type.Name}, Config>");
        foreach (var property in spec.Properties) PropertyEmitter.Property(writer, property);
        writer.Open($"private {spec.Type.Name}(Config config, global::QLora.Models.ModuleBuilder builder) : base(config, builder.Backend)");
        writer.Line("var path = global::QLora.Models.ModulePath.Root;");
        ClassEmitter.BuildModules(writer, spec.Properties, isModel: true);
        writer.Close().Line();
        EmitStatics(writer, spec);
        PropertyEmitter.SpecMethods(writer, spec.Properties);
        writer.Close().Line();
        EmitTargets(writer, spec);
        EmitRegistration(writer, spec);
        return writer.ToString();
    }

    private static void EmitStatics(SourceWriter writer, ModelSpec spec)
    {
        writer.Line("/// <inheritdoc/>").Line($"public static string ModelType => {SourceWriter.Literal(spec.ModelType)};").Line();
        writer.Line("/// <inheritdoc/>").Line($"public static string GgufArchitecture => {SourceWriter.Literal(spec.GgufArchitecture)};").Line();
        writer.Line("/// <inheritdoc/>").Line("public override global::System.Collections.Generic.IReadOnlyList<global::QLora.Layers.Module> Modules { get; }").Line();
        writer.Line("/// <inheritdoc/>").Line($"public static {spec.Type.Name} Create(Config config, global::QLora.Models.ModuleBuilder builder) => new(config, builder);").Line();
        writer.Line("/// <inheritdoc/>");
        writer.Open("public static global::System.Collections.Generic.IReadOnlyList<global::QLora.Models.ModuleSpec> Describe(Config config)");
        writer.Line("var path = global::QLora.Models.ModulePath.Root;");
        ClassEmitter.DescribeModules(writer, spec.Properties, isModel: true);
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
}
