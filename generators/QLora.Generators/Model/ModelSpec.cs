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
/// <param name="Targets">What may carry an adapter, in the model, its blocks and their parts.</param>
internal sealed record ModelSpec(TypeSpec Type, string ModelType, string GgufArchitecture, EquatableArray<PropertySpec> Properties, EquatableArray<TargetSpec> Targets);

/// <summary>Everything that is emitted for a declared block or part.</summary>
internal sealed record PartSpec(TypeSpec Type, EquatableArray<PropertySpec> Properties);

/// <summary>A class that members are added to.</summary>
/// <param name="Namespace">Its namespace; empty for the global one.</param>
/// <param name="Name">Its name.</param>
/// <param name="Accessibility"><c>public</c> or <c>internal</c>.</param>
/// <param name="Config">The config type of its base class, fully qualified.</param>
internal sealed record TypeSpec(string Namespace, string Name, string Accessibility, string Config)
{
    /// <summary>The name of its generated file; of its own, as two namespaces may have a class of one name.</summary>
    public string FileName => $"{(Namespace.Length == 0 ? "" : Namespace + ".")}{Name}.g.cs";

    /// <summary>The class, fully qualified.</summary>
    public string FullName => $"global::{(Namespace.Length == 0 ? "" : Namespace + ".")}{Name}";
}

/// <summary>What a property was declared as.</summary>
internal enum ModuleKind
{
    Embedding,
    Linear,
    RmsNorm,
    LayerNorm,
    Part,
    Blocks,
}

/// <summary>One declared property.</summary>
/// <param name="Kind">What it was declared as.</param>
/// <param name="Name">Its name.</param>
/// <param name="Modifiers">Its modifiers, without <c>partial</c>.</param>
/// <param name="Type">Its type, fully qualified.</param>
/// <param name="Path">Its path in Hugging Face checkpoints.</param>
/// <param name="Gguf">Its path in GGUF files, or null.</param>
/// <param name="When">What says whether it exists, as an expression of the config and the layer; null when it always does.</param>
internal sealed record PropertySpec(ModuleKind Kind, string Name, string Modifiers, string Type, string Path, string? Gguf, string? When)
{
    /// <summary>Config member of the first extent: Out of a linear layer, Rows of an embedding, Size of a norm, Count of blocks; empty for a part.</summary>
    public string Rows { get; init; } = "";

    /// <summary>Config member of the second extent: In of a linear layer, Columns of an embedding; null otherwise.</summary>
    public string? Columns { get; init; }

    /// <summary>Config member of a norm's epsilon, or null.</summary>
    public string? Epsilon { get; init; }

    /// <summary>Config member that says whether a norm's weight is stored minus one, or null.</summary>
    public string? StoredMinusOne { get; init; }

    /// <summary>Config member that says whether there is a bias, or null.</summary>
    public string? Bias { get; init; }

    /// <summary>The embedding property whose table it shares, or null.</summary>
    public string? TiedTo { get; init; }

    /// <summary>Config member that says whether it does, or null.</summary>
    public string? TiedWhen { get; init; }

    /// <summary>Config member of the heads whose rows GGUF interleaves, or null.</summary>
    public string? GgufRotaryHeads { get; init; }

    /// <summary>Whether Hugging Face stores its weight as (in, out).</summary>
    public bool Transposed { get; init; }

    /// <summary>Whether its weight is never quantised.</summary>
    public bool KeepFullPrecision { get; init; }

    /// <summary>Whether it may carry an adapter.</summary>
    public bool IsLoraTarget { get; init; }

    /// <summary>Whether GGUF holds each weight of all blocks as one tensor.</summary>
    public bool GgufStacked { get; init; }

    /// <summary>The type of one block or of the part, fully qualified; null otherwise.</summary>
    public string? PartType { get; init; }

    /// <summary>Whether it is made of further declared modules.</summary>
    public bool IsComposite => Kind is ModuleKind.Part or ModuleKind.Blocks;
}

/// <summary>A property that may carry an adapter.</summary>
/// <param name="Name">The property.</param>
/// <param name="PeftName">What PEFT calls it: the last part of its path, or all of it where another target ends alike.</param>
/// <param name="IsHead">Whether it stays in full precision and is left out of all-linear.</param>
internal sealed record TargetSpec(string Name, string PeftName, bool IsHead);
