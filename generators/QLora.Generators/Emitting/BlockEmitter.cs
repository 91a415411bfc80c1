using QLora.Generators.Model;

namespace QLora.Generators.Emitting;

/// <summary>Emits the other half of a declared block.</summary>
internal static class BlockEmitter
{
    public static string Emit(BlockSpec spec)
    {
        var writer = PropertyEmitter.Begin(spec.Type);
        writer.Line($"using Config = {spec.Type.Config};").Line();
        writer.Open($"partial class {spec.Type.Name}");
        foreach (var property in spec.Properties) PropertyEmitter.Property(writer, property);

        writer.Open($"internal {spec.Type.Name}(Config config, int index, string path, string? ggufPath, global::QLora.Models.ModuleBuilder builder) : base(config, index)");
        foreach (var property in spec.Properties) writer.Line($"{PropertyEmitter.Field(property)} = {PropertyEmitter.Build(property, spec.Properties, inBlock: true)};");
        writer.Close().Line();

        writer.Line("/// <summary>The modules of this block, in the order of their declaration.</summary>");
        writer.Line("internal global::System.Collections.Generic.IReadOnlyList<global::QLora.Layers.Module> Modules");
        writer.Line($"    => [{string.Join(", ", spec.Properties.Select(PropertyEmitter.Field))}];").Line();

        writer.Line("/// <summary>The modules of a block at a path, from the config alone.</summary>");
        writer.Line("internal static global::System.Collections.Generic.IReadOnlyList<global::QLora.Models.ModuleSpec> Describe(Config config, string path, string? ggufPath)");
        writer.Line($"    => [{string.Join(", ", spec.Properties.Select(property => PropertyEmitter.SpecCall(property, inBlock: true)))}];");
        PropertyEmitter.SpecMethods(writer, spec.Properties, inBlock: true);
        return writer.Close().ToString();
    }
}
