using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y[i] ← [y[i] +] (keep(i) ? x[i] / (1 − probability) : 0), where element i of the flattened tensor is kept when word i of the stream that
    /// <see cref="Philox"/> makes of (<paramref name="seed"/>, <paramref name="stream"/>) is at least probability · 2³². The same call on dy is the gradient: a mask is never stored,
    /// and recomputing sees the same one.
    /// </summary>
    /// <param name="x">Activations of any shape.</param>
    /// <param name="y">Activations of the same shape; may be x when not accumulated.</param>
    /// <param name="probability">The share that is dropped, at least 0 and below 1.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">Which mask: differs for every place and step that needs an independent one.</param>
    /// <param name="accumulate">Whether y is added to or overwritten.</param>
    public void Dropout(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate = false)
    {
        Check.Activations(nameof(Dropout), nameof(x), x);
        Check.SameAs(nameof(Dropout), nameof(y), y, x);
        Check.That(probability is >= 0 and < 1, nameof(Dropout), $"probability {probability} is not in [0, 1)");
        DropoutCore(x, y, probability, seed, stream, accumulate);
    }

    /// <summary>Backend part of <see cref="Dropout"/>; shapes are checked.</summary>
    protected abstract void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate);
}
