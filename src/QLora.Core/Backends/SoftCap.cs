using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>x ← cap · tanh(x / cap), which stays within ±cap (Gemma 2, arXiv:2408.00118).</summary>
    /// <param name="x">Activations of any shape.</param>
    /// <param name="cap">Above 0.</param>
    public void SoftCap(Tensor x, float cap)
    {
        Check.Activations(nameof(SoftCap), nameof(x), x);
        Check.That(cap > 0, nameof(SoftCap), $"cap {cap} is not above 0");
        SoftCapCore(x, cap);
    }

    /// <summary>dx ← dx · (1 − (y / cap)²), the gradient of <see cref="SoftCap"/> in place of that of its result.</summary>
    /// <param name="y">Activations of any shape, the forward's result.</param>
    /// <param name="dx">Activations of the same shape.</param>
    /// <param name="cap">As in the forward.</param>
    public void SoftCapBackward(Tensor y, Tensor dx, float cap)
    {
        Check.Activations(nameof(SoftCapBackward), nameof(y), y);
        Check.SameAs(nameof(SoftCapBackward), nameof(dx), dx, y);
        Check.That(cap > 0, nameof(SoftCapBackward), $"cap {cap} is not above 0");
        SoftCapBackwardCore(y, dx, cap);
    }

    /// <summary>Backend part of <see cref="SoftCap"/>; shapes are checked.</summary>
    protected abstract void SoftCapCore(Tensor x, float cap);

    /// <summary>Backend part of <see cref="SoftCapBackward"/>; shapes are checked.</summary>
    protected abstract void SoftCapBackwardCore(Tensor y, Tensor dx, float cap);
}
