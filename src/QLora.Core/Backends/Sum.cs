using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>Elements of an accumulator: so many that a device may add to them side by side.</summary>
    public const int SumParts = 128;

    /// <summary>
    /// sums ← sums + Σ x, in double precision, spread over the elements of the accumulator as the device likes: only their own sum (<see cref="Total"/>) means something.
    /// Nobody waits for it, so that a step can add up what it did and be read once.
    /// </summary>
    /// <param name="x">Float32 of any shape.</param>
    /// <param name="sums">(<see cref="SumParts"/>) Float64.</param>
    public void Sum(Tensor x, Tensor sums)
    {
        const string Op = nameof(Sum);
        Check.That(x.DType == DType.Float32, Op, $"x is {x}, expected Float32");
        Check.Is(Op, nameof(sums), sums, DType.Float64, SumParts);
        SumCore(x, sums);
    }

    /// <summary>sums ← sums + Σ x², as <see cref="Sum"/>: what the gradient norm is made of. NaN and infinity come out as they go in.</summary>
    /// <param name="x">Float32 or BFloat16 of any shape.</param>
    /// <param name="sums">(<see cref="SumParts"/>) Float64.</param>
    public void SumOfSquares(Tensor x, Tensor sums)
    {
        const string Op = nameof(SumOfSquares);
        Check.Activations(Op, nameof(x), x);
        Check.Is(Op, nameof(sums), sums, DType.Float64, SumParts);
        SumOfSquaresCore(x, sums);
    }

    /// <summary>Σ x² at once: waits for it.</summary>
    /// <param name="x">Float32 or BFloat16 of any shape.</param>
    public double SumOfSquares(Tensor x)
    {
        using var sums = NewSums();
        SumOfSquares(x, sums);
        return Total(sums);
    }

    /// <summary>An accumulator of zero.</summary>
    public Tensor NewSums() => AllocateZeros(new Shape(SumParts), DType.Float64);

    /// <summary>What was added to an accumulator; waits for it.</summary>
    /// <param name="sums">(<see cref="SumParts"/>) Float64.</param>
    public double Total(Tensor sums)
    {
        Span<double> parts = stackalloc double[SumParts];
        CopyToHost(sums, parts);
        return Added(parts);
    }

    /// <summary>What was added to each of two accumulators that lie side by side; waits for both at once.</summary>
    /// <param name="sums">(2, <see cref="SumParts"/>) Float64.</param>
    public (double First, double Second) Totals(Tensor sums)
    {
        Span<double> parts = stackalloc double[2 * SumParts];
        CopyToHost(sums, parts);
        return (Added(parts[..SumParts]), Added(parts[SumParts..]));
    }

    /// <summary>Backend part of <see cref="Sum"/>; shapes are checked.</summary>
    protected abstract void SumCore(Tensor x, Tensor sums);

    /// <summary>Backend part of <see cref="SumOfSquares(Tensor, Tensor)"/>; shapes are checked.</summary>
    protected abstract void SumOfSquaresCore(Tensor x, Tensor sums);

    private static double Added(ReadOnlySpan<double> parts)
    {
        var total = 0.0;
        foreach (var part in parts) total += part;
        return total;
    }
}
