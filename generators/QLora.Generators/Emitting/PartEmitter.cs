using QLora.Generators.Model;

namespace QLora.Generators.Emitting;

/// <summary>Emits the other half of a declared block or part.</summary>
internal static class PartEmitter
{
    private const string Hidden = "[global::System.ComponentModel.EditorBrowsable(global::System.ComponentModel.EditorBrowsableState.Never)]";

    public static string Emit(PartSpec spec)
    {
        var writer = ClassEmitter.Begin(spec.Type);
        writer.Open($"partial class {spec.Type.Name}");
        foreach (var property in spec.Properties) PropertyEmitter.Property(writer, property);

        // Public, because the declaration that holds this one may be in another assembly; hidden, because only generated code calls it.
        writer.Line("/// <summary>Makes the modules at a path.</summary>").Line(Hidden);
        writer.Open($"public {spec.Type.Name}(Config config, int layer, global::QLora.Models.ModulePath path, global::QLora.Models.ModuleBuilder builder) : base(config, layer)");
        ClassEmitter.BuildModules(writer, spec.Properties, isModel: false);
        writer.Close().Line();

        writer.Line("/// <summary>The modules made for this declaration, in its order.</summary>").Line(Hidden);
        writer.Line("public global::System.Collections.Generic.IReadOnlyList<global::QLora.Layers.Module> Modules { get; }").Line();

        writer.Line("/// <summary>The modules at a path, from the config alone.</summary>").Line(Hidden);
        writer.Open("public static global::System.Collections.Generic.IReadOnlyList<global::QLora.Models.ModuleSpec> Describe(Config config, int layer, global::QLora.Models.ModulePath path)");
        ClassEmitter.DescribeModules(writer, spec.Properties, isModel: false);
        writer.Close();
        PropertyEmitter.SpecMethods(writer, spec.Properties);
        return writer.Close().ToString();
    }
}
