using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>A layer that owns weights: what a model declares, made by a <see cref="ModuleBuilder"/>.</summary>
public abstract class Module : IDisposable
{
    /// <summary>What it was declared as.</summary>
    public abstract ModuleSpec Spec { get; }

    /// <summary>Its path in Hugging Face checkpoints, without <c>.weight</c>.</summary>
    public string Path => Spec.Path;

    /// <summary>Bytes of its weights.</summary>
    public abstract long Bytes { get; }

    /// <summary>Its own dense parameters: not those in 4 bits, not those tied to another layer's, not those of adapters.</summary>
    public abstract IEnumerable<Parameter> Parameters { get; }

    /// <summary>Gives its weights back.</summary>
    public abstract void Dispose();
}
