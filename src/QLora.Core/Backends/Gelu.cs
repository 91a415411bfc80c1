using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y ← gelu(x), with gelu(z) = ½ · z · (1 + tanh(√(2/π) · (z + 0.044715 · z³))) (Hendrycks and Gimpel, arXiv:1606.08415), which PyTorch calls the
    /// approximation "tanh".
    /// </summary>
    /// <param name="x">Activations of any shape.</param>
    /// <param name="y">Activations of the same shape; may be x.</param>
    public void Gelu(Tensor x, Tensor y)
    {
        Check.Activations(nameof(Gelu), nameof(x), x);
        Check.SameAs(nameof(Gelu), nameof(y), y, x);
        GeluCore(x, y);
    }

    /// <summary>
    /// dx ← dy · gelu′(x), with t the hyperbolic tangent in <see cref="Gelu"/>: gelu′(z) = ½ · (1 + t) + ½ · z · (1 − t²) · √(2/π) · (1 + 3 · 0.044715 · z²).
    /// </summary>
    /// <param name="x">Activations of any shape, the forward's input.</param>
    /// <param name="dy">Activations of the same shape.</param>
    /// <param name="dx">Activations of the same shape, overwritten; may be x or dy.</param>
    public void GeluBackward(Tensor x, Tensor dy, Tensor dx)
    {
        Check.Activations(nameof(GeluBackward), nameof(x), x);
        Check.SameAs(nameof(GeluBackward), nameof(dy), dy, x);
        Check.SameAs(nameof(GeluBackward), nameof(dx), dx, x);
        GeluBackwardCore(x, dy, dx);
    }

    /// <summary>Backend part of <see cref="Gelu"/>; shapes are checked.</summary>
    protected abstract void GeluCore(Tensor x, Tensor y);

    /// <summary>Backend part of <see cref="GeluBackward"/>; shapes are checked.</summary>
    protected abstract void GeluBackwardCore(Tensor x, Tensor dy, Tensor dx);
}
