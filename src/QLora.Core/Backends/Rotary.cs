using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// Rotates x in place (Su et al., arXiv:2104.09864), in the half-split order of Hugging Face: with p the position of the token and i below half,
    /// <c>(x[i], x[i+half]) ← (x[i]·cos[p,i] − x[i+half]·sin[p,i], x[i+half]·cos[p,i] + x[i]·sin[p,i])</c>. The inverse rotation is the gradient.
    /// Elements of a head from 2·half on stay as they are (partial rotary).
    /// </summary>
    /// <param name="x">(tokens, heads, headSize) activations.</param>
    /// <param name="positions">(tokens) Int32, each below the rows of the tables.</param>
    /// <param name="cos">(positions, half) Float32; half at most headSize / 2.</param>
    /// <param name="sin">(positions, half) Float32.</param>
    /// <param name="inverse">Whether to rotate by the negative angle.</param>
    public void Rotary(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse)
    {
        const string Op = nameof(Rotary);
        Check.Activations(Op, nameof(x), x);
        Check.That(x.Shape.Rank == 3, Op, $"x is {x}, expected (tokens, heads, headSize)");
        Check.Is(Op, nameof(positions), positions, DType.Int32, x.Shape[0]);
        Check.Matrix(Op, nameof(cos), cos);
        Check.SameAs(Op, nameof(sin), sin, cos);
        Check.That(2 * cos.Columns <= x.Shape[2], Op, $"tables of {cos.Columns} angles do not fit heads of {x.Shape[2]}");
        RotaryCore(x, positions, cos, sin, inverse);
    }

    /// <summary>Backend part of <see cref="Rotary"/>; shapes are checked.</summary>
    protected abstract void RotaryCore(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse);
}
