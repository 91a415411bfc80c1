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

/// <summary>Declares a layer of a model, which is repeated: a partial class derived from <c>DecoderBlock&lt;TConfig&gt;</c> with annotated partial properties.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DecoderBlockAttribute : Attribute;

/// <summary>
/// Declares a part of a layer that models share or that is repeated within one, such as attention or an expert: a partial class derived from
/// <c>ModelPart&lt;TConfig&gt;</c> with annotated partial properties.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ModelPartAttribute : Attribute;

/// <summary>Names the weights of one property of a model, block or part. Sizes are names of integer members of the config.</summary>
/// <param name="path">Its path in Hugging Face checkpoints, without <c>.weight</c>; relative to that of the block or part it is declared in.</param>
[AttributeUsage(AttributeTargets.Property)]
public abstract class ModuleAttribute(string path) : Attribute
{
    /// <summary>Its path in Hugging Face checkpoints, without <c>.weight</c>.</summary>
    public string Path { get; } = path;

    /// <summary>Its path in GGUF files, without <c>.weight</c>; null when llama.cpp does not know the model.</summary>
    public string? Gguf { get; init; }

    /// <summary>
    /// Boolean config member, or method of a layer's number, that says whether there is such a module; the property is nullable then. Always when not given.
    /// </summary>
    public string? When { get; init; }
}

/// <summary>An embedding: a table of (<see cref="Rows"/>, <see cref="Columns"/>), kept in full precision.</summary>
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
    /// Config member that counts the rotary heads among the output rows, which llama.cpp stores in interleaved order for this model, or 0 when it does not; the rows are put
    /// back in Hugging Face's order as they are read. None when not given.
    /// </summary>
    public string? GgufRotaryHeads { get; init; }

    /// <summary>Whether Hugging Face checkpoints store the weight as (in, out), as GPT-2's do.</summary>
    public bool Transposed { get; init; }

    /// <summary>Whether the weight stays in full precision in a quantised model, as output heads and routers do.</summary>
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

    /// <summary>
    /// Boolean config member that says whether Hugging Face checkpoints store the weight minus one, as Gemma's do. GGUF files hold it whole. It never is when not given.
    /// </summary>
    public string? StoredMinusOne { get; init; }
}

/// <summary>A layer norm with a weight and a bias of (<see cref="Size"/>).</summary>
/// <param name="path">See <see cref="ModuleAttribute"/>.</param>
public sealed class LayerNormAttribute(string path) : ModuleAttribute(path)
{
    /// <summary>Config member that gives the size of a row.</summary>
    public required string Size { get; init; }

    /// <summary>Config member (float) that is added to the variance.</summary>
    public required string Epsilon { get; init; }
}

/// <summary>A declared part: a property of a class with <see cref="ModelPartAttribute"/>. Without <see cref="ModuleAttribute.Gguf"/> its weights stand directly under those around it in GGUF files.</summary>
/// <param name="path">See <see cref="ModuleAttribute"/>; what the part's own paths are relative to.</param>
public sealed class PartAttribute(string path) : ModuleAttribute(path);

/// <summary>The repeated blocks of a model, or the repeated parts of a block, such as experts.</summary>
/// <param name="path">Path of one of them, with <c>{0}</c> for its number.</param>
public sealed class BlocksAttribute(string path) : ModuleAttribute(path)
{
    /// <summary>Config member that counts them.</summary>
    public required string Count { get; init; }

    /// <summary>
    /// Whether GGUF files hold each weight of all of them as one tensor, (count, out, in), as they do for experts; the weights' GGUF paths are then relative to what is around the list.
    /// </summary>
    public bool GgufStacked { get; init; }
}

/// <summary>A linear layer that may carry a LoRA adapter: it becomes a typed target, and part of <c>all-linear</c> unless it is kept in full precision.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class LoraTargetAttribute : Attribute;
