using QLora.Checkpoints;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>One tensor of a checkpoint that a model needs, as a function of its config.</summary>
/// <param name="Name">Its name in Hugging Face checkpoints.</param>
/// <param name="GgufName">Its name in GGUF files; null when the model has none there.</param>
/// <param name="Shape">Its shape in the engine, (out, in) for a linear layer.</param>
public sealed record WeightSpec(string Name, string? GgufName, Shape Shape)
{
    /// <summary>How Hugging Face checkpoints store it otherwise; null when they do not.</summary>
    public WeightTransform? Transform { get; init; }

    /// <summary>How GGUF files store it otherwise; null when they do not.</summary>
    public WeightTransform? GgufTransform { get; init; }

    /// <summary>Its name in a checkpoint; null when it has none there.</summary>
    public string? NameIn(WeightNaming naming) => naming == WeightNaming.Gguf ? GgufName : Name;

    /// <summary>How a checkpoint stores it otherwise; null when it does not.</summary>
    public WeightTransform? TransformIn(WeightNaming naming) => naming == WeightNaming.Gguf ? GgufTransform : Transform;

    /// <summary>Its shape in a checkpoint.</summary>
    public Shape ShapeIn(WeightNaming naming) => TransformIn(naming)?.StoredShape(Shape) ?? Shape;
}

/// <summary>One declared module of a model: where its weights lie and what shapes they have. Known before any weight is read.</summary>
/// <param name="At">Where it stands in checkpoints.</param>
public abstract record ModuleSpec(ModulePath At)
{
    /// <summary>Its path in Hugging Face checkpoints, without <c>.weight</c>.</summary>
    public string Path => At.Name;

    /// <summary>Its path in GGUF files, without <c>.weight</c>; null when the model has none there.</summary>
    public string? GgufPath => At.Gguf;

    /// <summary>The tensors that a checkpoint must hold for it. A tied weight is not among them.</summary>
    public abstract IEnumerable<WeightSpec> Weights { get; }

    /// <summary>The weight with a suffix (<c>weight</c>, <c>bias</c>) and a shape.</summary>
    protected WeightSpec Weight(string suffix, Shape shape) => new($"{Path}.{suffix}", GgufPath is null ? null : $"{GgufPath}.{suffix}", shape) { GgufTransform = At.Slice };
}

/// <summary>An embedding.</summary>
/// <param name="At">See <see cref="ModuleSpec"/>.</param>
/// <param name="Rows">The vocabulary, or the positions.</param>
/// <param name="Columns">The length of a row.</param>
public sealed record EmbeddingSpec(ModulePath At, int Rows, int Columns) : ModuleSpec(At)
{
    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights => [Weight("weight", new Shape(Rows, Columns))];
}

/// <summary>A linear layer.</summary>
/// <param name="At">See <see cref="ModuleSpec"/>.</param>
/// <param name="In">Input size.</param>
/// <param name="Out">Output size.</param>
public sealed record LinearSpec(ModulePath At, int In, int Out) : ModuleSpec(At)
{
    /// <summary>Whether there is a bias of (out).</summary>
    public bool HasBias { get; init; }

    /// <summary>The embedding whose table is this layer's weight, or null when it has its own.</summary>
    public string? TiedTo { get; init; }

    /// <summary>Rotary heads among the output rows when GGUF stores them interleaved; 0 when it does not.</summary>
    public int GgufRotaryHeads { get; init; }

    /// <summary>Whether Hugging Face checkpoints store the weight as (in, out).</summary>
    public bool Transposed { get; init; }

    /// <summary>Whether the weight stays in full precision in a quantised model.</summary>
    public bool KeepFullPrecision { get; init; }

    /// <summary>Whether it may carry a LoRA adapter.</summary>
    public bool IsLoraTarget { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights
    {
        get
        {
            if (TiedTo is null) yield return OfRows(Weight("weight", new Shape(Out, In))) with { Transform = Transposed ? new TransposedMatrix() : null };
            if (HasBias) yield return OfRows(Weight("bias", new Shape(Out)));
        }
    }

    private WeightSpec OfRows(WeightSpec weight) => GgufRotaryHeads == 0 ? weight : weight with { GgufTransform = new InterleavedHeads(GgufRotaryHeads) };
}

/// <summary>A root-mean-square norm.</summary>
/// <param name="At">See <see cref="ModuleSpec"/>.</param>
/// <param name="Size">The size of a row.</param>
/// <param name="Epsilon">Added to the mean square.</param>
public sealed record RmsNormSpec(ModulePath At, int Size, float Epsilon) : ModuleSpec(At)
{
    /// <summary>Whether Hugging Face checkpoints store the weight minus one.</summary>
    public bool StoredMinusOne { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights => [Weight("weight", new Shape(Size)) with { Transform = StoredMinusOne ? new MinusOne() : null }];
}

/// <summary>A layer norm.</summary>
/// <param name="At">See <see cref="ModuleSpec"/>.</param>
/// <param name="Size">The size of a row.</param>
/// <param name="Epsilon">Added to the variance.</param>
public sealed record LayerNormSpec(ModulePath At, int Size, float Epsilon) : ModuleSpec(At)
{
    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights => [Weight("weight", new Shape(Size)), Weight("bias", new Shape(Size))];
}
