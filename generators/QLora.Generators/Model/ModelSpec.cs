namespace QLora.Generators.Model;

/// <summary>Everything that is emitted for a declared model.</summary>
/// <remarks>
/// These records are what the pipeline caches between keystrokes: strings, numbers, enums and each other only, compared by value. Symbols, syntax and compilations end in
/// the parser; one of them in here would keep a whole compilation alive and make everything run again.
/// </remarks>
/// <param name="Type">The class.</param>
/// <param name="ModelType"><c>model_type</c> in config.json.</param>
/// <param name="GgufArchitecture"><c>general.architecture</c> in GGUF files.</param>
/// <param name="Properties">The declared modules, in order.</param>
/// <param name="Targets">What may carry an adapter, in the model and its blocks.</param>
internal sealed record ModelSpec(TypeSpec Type, string ModelType, string GgufArchitecture, EquatableArray<PropertySpec> Properties, EquatableArray<TargetSpec> Targets);

/// <summary>Everything that is emitted for a declared block.</summary>
internal sealed record BlockSpec(TypeSpec Type, EquatableArray<PropertySpec> Properties);

/// <summary>A class that parts are added to.</summary>
/// <param name="Namespace">Its namespace; empty for the global one.</param>
/// <param name="Name">Its name.</param>
/// <param name="Accessibility"><c>public</c> or <c>internal</c>.</param>
/// <param name="Config">The config type of its base class, fully qualified.</param>
internal sealed record TypeSpec(string Namespace, string Name, string Accessibility, string Config)
{
    /// <summary>The name of its generated file; of its own, as two namespaces may have a class of one name.</summary>
    public string FileName => $"{(Namespace.Length == 0 ? "" : Namespace + ".")}{Name}.g.cs";
}

/// <summary>What a property was declared as.</summary>
internal enum ModuleKind
{
    Embedding,
    Linear,
    RmsNorm,
    Blocks,
}

/// <summary>One declared property.</summary>
/// <param name="Kind">What it was declared as.</param>
/// <param name="Name">Its name.</param>
/// <param name="Modifiers">Its modifiers, without <c>partial</c>.</param>
/// <param name="Type">Its type, fully qualified.</param>
/// <param name="Path">Its path in Hugging Face checkpoints.</param>
/// <param name="Gguf">Its path in GGUF files, or null.</param>
/// <param name="Rows">Config member of the first extent: Out of a linear layer, Rows of an embedding, Size of a norm, Count of blocks.</param>
/// <param name="Columns">Config member of the second extent: In of a linear layer, Columns of an embedding; null otherwise.</param>
/// <param name="Epsilon">Config member of a norm's epsilon, or null.</param>
/// <param name="Bias">Config member that says whether there is a bias, or null.</param>
/// <param name="TiedTo">The embedding property whose table it shares, or null.</param>
/// <param name="TiedWhen">Config member that says whether it does, or null.</param>
/// <param name="GgufRotaryHeads">Config member of the heads whose rows GGUF interleaves, or null.</param>
/// <param name="KeepFullPrecision">Whether its weight is never quantised.</param>
/// <param name="IsLoraTarget">Whether it may carry an adapter.</param>
/// <param name="BlockType">The element type of blocks, fully qualified, or null.</param>
internal sealed record PropertySpec(
    ModuleKind Kind, string Name, string Modifiers, string Type, string Path, string? Gguf, string Rows, string? Columns, string? Epsilon, string? Bias,
    string? TiedTo, string? TiedWhen, string? GgufRotaryHeads, bool KeepFullPrecision, bool IsLoraTarget, string? BlockType);

/// <summary>A property that may carry an adapter.</summary>
/// <param name="Name">The property.</param>
/// <param name="PeftName">What PEFT calls it: the last part of its path, or all of it where another target ends alike.</param>
/// <param name="IsHead">Whether it stays in full precision and is left out of all-linear.</param>
internal sealed record TargetSpec(string Name, string PeftName, bool IsHead);
