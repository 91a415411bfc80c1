using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// c ← alpha · op(a) · op(b) + beta · c, with op the transpose where asked. A linear layer's forward is <c>x · Wᵀ</c>
    /// (<paramref name="transposeB"/>), its input gradient <c>dy · W</c>, its weight gradient <c>dyᵀ · x</c> (<paramref name="transposeA"/>).
    /// Sums, both factors and the old content are Float32; a BFloat16 result is rounded once, to the nearest. Where a or c is BFloat16, or b is and is
    /// multiplied with a transposed, a backend may round both operands so.
    /// </summary>
    /// <param name="a">(m, k), or (k, m) when transposed; activations.</param>
    /// <param name="b">(k, n), or (n, k) when transposed; Float32, BFloat16, Float16 or Q8, widened as it is read.</param>
    /// <param name="c">(m, n) activations, of whatever type a is; not overlapping a or b. When <paramref name="beta"/> is 0 its old content is not read.</param>
    /// <param name="transposeA">Whether a is stored transposed.</param>
    /// <param name="transposeB">Whether b is stored transposed.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="beta">Factor of the old content.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public void MatMul(Tensor a, Tensor b, Tensor c, bool transposeA = false, bool transposeB = false, float alpha = 1, float beta = 0)
    {
        const string Op = nameof(MatMul);
        Check.ActivationMatrix(Op, nameof(a), a);
        Check.ActivationMatrix(Op, nameof(c), c);
        Check.Weight(Op, nameof(b), b);
        var (m, k) = transposeA ? (a.Columns, a.Rows) : (a.Rows, a.Columns);
        var (kb, n) = transposeB ? (b.Columns, b.Rows) : (b.Rows, b.Columns);
        Check.That(k == kb, Op, $"inner extents differ: a is {a}{(transposeA ? " transposed" : "")}, b is {b}{(transposeB ? " transposed" : "")}");
        Check.Is(Op, nameof(c), c, c.DType, m, n);
        MatMulCore(a, b, c, transposeA, transposeB, alpha, beta);
    }

    /// <summary>Backend part of <see cref="MatMul"/>; shapes are checked.</summary>
    protected abstract void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta);
}
