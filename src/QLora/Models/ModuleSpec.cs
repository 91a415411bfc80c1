using QLora.Checkpoints;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>One tensor of a checkpoint that a model needs, as a function of its config.</summary>
/// <param name="Name">Its name in Hugging Face checkpoints.</param>
/// <param name="GgufName">Its name in GGUF files; null when the model has none there.</param>
/// <param name="Shape">Its shape, (out, in) for a linear layer.</param>
public sealed record WeightSpec(string Name, string? GgufName, Shape Shape)
{
    /// <summary>Its name in a checkpoint; null when it has none there.</summary>
    public string? NameIn(WeightNaming naming) => naming == WeightNaming.Gguf ? GgufName : Name;
}

/// <summary>One declared module of a model: where its weights lie and what shapes they have. Known before any weight is read.</summary>
/// <param name="Path">Its path in Hugging Face checkpoints, without <c>.weight</c>.</param>
/// <param name="GgufPath">Its path in GGUF files, without <c>.weight</c>; null when the model has none there.</param>
public abstract record ModuleSpec(string Path, string? GgufPath)
{
    /// <summary>The tensors that a checkpoint must hold for it. A tied weight is not among them.</summary>
    public abstract IEnumerable<WeightSpec> Weights { get; }

    /// <summary>The weight with a suffix (<c>weight</c>, <c>bias</c>) and a shape.</summary>
    protected WeightSpec Weight(string suffix, Shape shape) => new($"{Path}.{suffix}", GgufPath is null ? null : $"{GgufPath}.{suffix}", shape);
}

/// <summary>A token embedding.</summary>
/// <param name="Path">See <see cref="ModuleSpec"/>.</param>
/// <param name="GgufPath">See <see cref="ModuleSpec"/>.</param>
/// <param name="Rows">The vocabulary.</param>
/// <param name="Columns">The length of a row.</param>
public sealed record EmbeddingSpec(string Path, string? GgufPath, int Rows, int Columns) : ModuleSpec(Path, GgufPath)
{
    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights => [Weight("weight", new Shape(Rows, Columns))];
}

/// <summary>A linear layer.</summary>
/// <param name="Path">See <see cref="ModuleSpec"/>.</param>
/// <param name="GgufPath">See <see cref="ModuleSpec"/>.</param>
/// <param name="In">Input size.</param>
/// <param name="Out">Output size.</param>
public sealed record LinearSpec(string Path, string? GgufPath, int In, int Out) : ModuleSpec(Path, GgufPath)
{
    /// <summary>Whether there is a bias of (out).</summary>
    public bool HasBias { get; init; }

    /// <summary>The embedding whose table is this layer's weight, or null when it has its own.</summary>
    public string? TiedTo { get; init; }

    /// <summary>Rotary heads among the output rows when GGUF stores them interleaved; 0 when it does not.</summary>
    public int GgufRotaryHeads { get; init; }

    /// <summary>Whether the weight stays in full precision in a quantised model.</summary>
    public bool KeepFullPrecision { get; init; }

    /// <summary>Whether it may carry a LoRA adapter.</summary>
    public bool IsLoraTarget { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights
    {
        get
        {
            if (TiedTo is null) yield return Weight("weight", new Shape(Out, In));
            if (HasBias) yield return Weight("bias", new Shape(Out));
        }
    }
}

/// <summary>A root-mean-square norm.</summary>
/// <param name="Path">See <see cref="ModuleSpec"/>.</param>
/// <param name="GgufPath">See <see cref="ModuleSpec"/>.</param>
/// <param name="Size">The size of a row.</param>
/// <param name="Epsilon">Added to the mean square.</param>
public sealed record RmsNormSpec(string Path, string? GgufPath, int Size, float Epsilon) : ModuleSpec(Path, GgufPath)
{
    /// <inheritdoc/>
    public override IEnumerable<WeightSpec> Weights => [Weight("weight", new Shape(Size))];
}
