using QLora.Backends;
using QLora.Layers;

namespace QLora.Models;

/// <summary>
/// Makes the layers that a model declares, in the order of its declaration: from a checkpoint, or with random weights. The generated constructors
/// call it once per declared property.
/// </summary>
/// <param name="backend">Where the weights shall lie.</param>
public abstract class ModuleBuilder(Backend backend)
{
    /// <summary>Where the weights shall lie.</summary>
    public Backend Backend => backend;

    /// <summary>The token embedding of the spec.</summary>
    public abstract Embedding Embedding(EmbeddingSpec spec);

    /// <summary>The linear layer of the spec.</summary>
    /// <param name="spec">What it is.</param>
    /// <param name="tiedTo">The embedding whose table is its weight when <see cref="LinearSpec.TiedTo"/> is not null.</param>
    public abstract Linear Linear(LinearSpec spec, Embedding? tiedTo);

    /// <summary>The norm of the spec.</summary>
    public abstract RmsNorm RmsNorm(RmsNormSpec spec);

    /// <summary>The norm of the spec.</summary>
    public abstract LayerNorm LayerNorm(LayerNormSpec spec);
}
