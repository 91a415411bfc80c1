using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y[t] ← weight[ids[t]], in the type of y. Also gathers rows of any matrix.</summary>
    /// <param name="ids">(tokens) Int32, each at least 0 and below the rows of the weight.</param>
    /// <param name="weight">(rows, size) Float32, BFloat16, Float16 or Q8.</param>
    /// <param name="y">(tokens, size) activations, of whatever type the weight is.</param>
    public void Embedding(Tensor ids, Tensor weight, Tensor y)
    {
        Check.Weight(nameof(Embedding), nameof(weight), weight);
        Check.Is(nameof(Embedding), nameof(ids), ids, DType.Int32, y.Rows);
        Check.Activations(nameof(Embedding), nameof(y), y);
        Check.Is(nameof(Embedding), nameof(y), y, y.DType, y.Rows, weight.Columns);
        EmbeddingCore(ids, weight, y);
    }

    /// <summary>dWeight[ids[t]] ← dWeight[ids[t]] + dy[t], in the order of t, so that the sum is the same every time; in BFloat16 it is rounded after each. Also scatters rows into any matrix.</summary>
    /// <param name="ids">(tokens) Int32, each at least 0 and below the rows of dWeight; they may repeat.</param>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dWeight">(rows, size) activations; Float32 whatever dy is when it is that of a parameter.</param>
    public void EmbeddingBackward(Tensor ids, Tensor dy, Tensor dWeight)
    {
        Check.ActivationMatrix(nameof(EmbeddingBackward), nameof(dWeight), dWeight);
        Check.Is(nameof(EmbeddingBackward), nameof(ids), ids, DType.Int32, dy.Rows);
        Check.Activations(nameof(EmbeddingBackward), nameof(dy), dy);
        Check.Is(nameof(EmbeddingBackward), nameof(dy), dy, dy.DType, dy.Rows, dWeight.Columns);
        EmbeddingBackwardCore(ids, dy, dWeight);
    }

    /// <summary>Backend part of <see cref="Embedding"/>; shapes are checked, ids are not.</summary>
    protected abstract void EmbeddingCore(Tensor ids, Tensor weight, Tensor y);

    /// <summary>Backend part of <see cref="EmbeddingBackward"/>; shapes are checked, ids are not.</summary>
    protected abstract void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight);
}
