using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y[i] ← x[rows[i]]: the tokens that one expert is given. Its gradient is <see cref="ScatterAddRows"/>.</summary>
    /// <param name="x">(tokens, size) Float32.</param>
    /// <param name="rows">(n) Int32, each at least 0 and below the rows of x; they may repeat.</param>
    /// <param name="y">(n, size) Float32, not overlapping x.</param>
    public void GatherRows(Tensor x, Tensor rows, Tensor y)
    {
        Check.Matrix(nameof(GatherRows), nameof(x), x);
        Check.Matrix(nameof(GatherRows), nameof(y), y);
        Check.Is(nameof(GatherRows), nameof(rows), rows, DType.Int32, y.Rows);
        Check.Is(nameof(GatherRows), nameof(y), y, DType.Float32, y.Rows, x.Columns);
        GatherRowsCore(x, rows, y);
    }

    /// <summary>Backend part of <see cref="GatherRows"/>; shapes are checked, rows are not.</summary>
    protected abstract void GatherRowsCore(Tensor x, Tensor rows, Tensor y);
}
