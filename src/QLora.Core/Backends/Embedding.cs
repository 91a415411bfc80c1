using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y[t] ← weight[ids[t]], widened to Float32. Also gathers rows of any matrix.</summary>
    /// <param name="ids">(tokens) Int32, each at least 0 and below the rows of the weight.</param>
    /// <param name="weight">(rows, size) Float32, BFloat16 or Float16.</param>
    /// <param name="y">(tokens, size) Float32.</param>
    public void Embedding(Tensor ids, Tensor weight, Tensor y)
    {
        Check.That(weight.Shape.Rank == 2 && weight.DType is DType.Float32 or DType.BFloat16 or DType.Float16, nameof(Embedding), $"weight is {weight}, expected a floating-point matrix");
        Check.Is(nameof(Embedding), nameof(ids), ids, DType.Int32, y.Rows);
        Check.Is(nameof(Embedding), nameof(y), y, DType.Float32, y.Rows, weight.Columns);
        EmbeddingCore(ids, weight, y);
    }

    /// <summary>dWeight[ids[t]] ← dWeight[ids[t]] + dy[t], in the order of t, so that the sum is the same every time. Also scatters rows into any matrix.</summary>
    /// <param name="ids">(tokens) Int32, each at least 0 and below the rows of dWeight; they may repeat.</param>
    /// <param name="dy">(tokens, size) Float32.</param>
    /// <param name="dWeight">(rows, size) Float32.</param>
    public void EmbeddingBackward(Tensor ids, Tensor dy, Tensor dWeight)
    {
        Check.Matrix(nameof(EmbeddingBackward), nameof(dWeight), dWeight);
        Check.Is(nameof(EmbeddingBackward), nameof(ids), ids, DType.Int32, dy.Rows);
        Check.Is(nameof(EmbeddingBackward), nameof(dy), dy, DType.Float32, dy.Rows, dWeight.Columns);
        EmbeddingBackwardCore(ids, dy, dWeight);
    }

    /// <summary>Backend part of <see cref="Embedding"/>; shapes are checked, ids are not.</summary>
    protected abstract void EmbeddingCore(Tensor ids, Tensor weight, Tensor y);

    /// <summary>Backend part of <see cref="EmbeddingBackward"/>; shapes are checked, ids are not.</summary>
    protected abstract void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight);
}
