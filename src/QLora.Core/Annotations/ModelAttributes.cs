namespace QLora.Annotations;

/// <summary>
/// Declares a causal language model: a partial class derived from <c>CausalLanguageModel&lt;TConfig&gt;</c> whose annotated partial properties name its weights. The
/// generator emits the constructor that loads them, the list of weights as a function of the config, typed LoRA targets, and the registration.
/// </summary>
/// <param name="modelType"><c>model_type</c> in config.json.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class CausalLanguageModelAttribute(string modelType) : Attribute
{
    /// <summary><c>model_type</c> in config.json.</summary>
    public string ModelType { get; } = modelType;

    /// <summary><c>general.architecture</c> in GGUF files; the model type when not given.</summary>
    public string? GgufArchitecture { get; init; }
}

/// <summary>Declares a part of a model that is repeated per layer: a partial class derived from <c>DecoderBlock&lt;TConfig&gt;</c> with annotated partial properties.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DecoderBlockAttribute : Attribute;

/// <summary>Names the weights of one property of a model or block. Sizes are names of integer members of the config.</summary>
/// <param name="path">Its path in Hugging Face checkpoints, without <c>.weight</c>; relative to the block's when declared in one.</param>
[AttributeUsage(AttributeTargets.Property)]
public abstract class ModuleAttribute(string path) : Attribute
{
    /// <summary>Its path in Hugging Face checkpoints, without <c>.weight</c>.</summary>
    public string Path { get; } = path;

    /// <summary>Its path in GGUF files, without <c>.weight</c>; null when llama.cpp does not know the model.</summary>
    public string? Gguf { get; init; }
}

/// <summary>A token embedding: a table of (<see cref="Rows"/>, <see cref="Columns"/>), kept in full precision.</summary>
/// <param name="path">See <see cref="ModuleAttribute"/>.</param>
public sealed class EmbeddingAttribute(string path) : ModuleAttribute(path)
{
    /// <summary>Config member that counts its rows.</summary>
    public required string Rows { get; init; }

    /// <summary>Config member that gives the length of a row.</summary>
    public required string Columns { get; init; }
}

/// <summary>A linear layer: a weight of (<see cref="Out"/>, <see cref="In"/>) and perhaps a bias of (<see cref="Out"/>).</summary>
/// <param name="path">See <see cref="ModuleAttribute"/>.</param>
public sealed class LinearAttribute(string path) : ModuleAttribute(path)
{
    /// <summary>Config member that gives the input size.</summary>
    public required string In { get; init; }

    /// <summary>Config member that gives the output size.</summary>
    public required string Out { get; init; }

    /// <summary>Boolean config member that says whether there is a bias; none when not given.</summary>
    public string? Bias { get; init; }

    /// <summary>The embedding property of the same class whose table is this layer's weight when <see cref="TiedWhen"/> holds.</summary>
    public string? TiedTo { get; init; }

    /// <summary>Boolean config member that says whether the weight is tied; always when not given and <see cref="TiedTo"/> is.</summary>
    public string? TiedWhen { get; init; }

    /// <summary>
    /// Config member that counts the rotary heads among the output rows, which llama.cpp stores in interleaved order for this model; the rows are put back in
    /// Hugging Face's order as they are read. None when not given.
    /// </summary>
    public string? GgufRotaryHeads { get; init; }

    /// <summary>Whether the weight stays in full precision in a quantised model, as output heads do.</summary>
    public bool KeepFullPrecision { get; init; }
}

/// <summary>A root-mean-square norm with a weight of (<see cref="Size"/>).</summary>
/// <param name="path">See <see cref="ModuleAttribute"/>.</param>
public sealed class RmsNormAttribute(string path) : ModuleAttribute(path)
{
    /// <summary>Config member that gives the size of a row.</summary>
    public required string Size { get; init; }

    /// <summary>Config member (float) that is added to the mean square.</summary>
    public required string Epsilon { get; init; }
}

/// <summary>The repeated blocks of a model.</summary>
/// <param name="path">Path of one block, with <c>{0}</c> for its number.</param>
public sealed class BlocksAttribute(string path) : ModuleAttribute(path)
{
    /// <summary>Config member that counts the blocks.</summary>
    public required string Count { get; init; }
}

/// <summary>A linear layer that may carry a LoRA adapter: it becomes a typed target, and part of <c>all-linear</c> unless it is the output head.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LoraTargetAttribute : Attribute;
