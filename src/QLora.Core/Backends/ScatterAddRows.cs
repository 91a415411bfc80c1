using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y[rows[i]] ← y[rows[i]] + x[i], in the order of i, so that the sum is the same every time. Its gradient is <see cref="GatherRows"/>.
    /// </summary>
    /// <param name="x">(n, size) Float32.</param>
    /// <param name="rows">(n) Int32, each at least 0 and below the rows of y; they may repeat.</param>
    /// <param name="y">(tokens, size) Float32, not overlapping x.</param>
    public void ScatterAddRows(Tensor x, Tensor rows, Tensor y)
    {
        Check.Matrix(nameof(ScatterAddRows), nameof(x), x);
        Check.Matrix(nameof(ScatterAddRows), nameof(y), y);
        Check.Is(nameof(ScatterAddRows), nameof(rows), rows, DType.Int32, x.Rows);
        Check.Is(nameof(ScatterAddRows), nameof(y), y, DType.Float32, y.Rows, x.Columns);
        ScatterAddRowsCore(x, rows, y);
    }

    /// <summary>Backend part of <see cref="ScatterAddRows"/>; shapes are checked, rows are not.</summary>
    protected abstract void ScatterAddRowsCore(Tensor x, Tensor rows, Tensor y);
}
