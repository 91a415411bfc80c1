using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// yᵢ ← x · dequant(Wᵢ)ᵀ + scalingᵢ · (x · Aᵢᵀ) · Bᵢᵀ: frozen linear layers of one x, each with its adapter, where nothing is kept for a backward pass. It is <see cref="MatMul"/>
    /// and <see cref="MatMul4Bit"/> of each layer, and what holds for their sums and roundings holds here.
    /// </summary>
    /// <param name="x">(m, in) activations.</param>
    /// <param name="layers">The layers; their results are of whatever type x is, and overlap neither x nor each other.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public void Projections(Tensor x, ReadOnlySpan<Projection> layers)
    {
        const string Op = nameof(Projections);
        Check.ActivationMatrix(Op, nameof(x), x);
        foreach (var layer in layers)
        {
            var (rows, columns) = (layer.W.Shape[0], layer.W.Shape[1]);
            Check.Is(Op, nameof(x), x, x.DType, x.Rows, columns);
            Check.ActivationMatrix(Op, "y", layer.Y);
            Check.Is(Op, "y", layer.Y, layer.Y.DType, x.Rows, rows);
            if (layer.Adapter is not { } adapter) continue;
            Check.Matrix(Op, "a", adapter.A);
            Check.Is(Op, "a", adapter.A, DType.Float32, adapter.A.Rows, columns);
            Check.Is(Op, "b", adapter.B, DType.Float32, rows, adapter.A.Rows);
        }

        ProjectionsCore(x, layers);
    }

    /// <summary>Backend part of <see cref="Projections"/>; shapes are checked. One layer after another, which a backend may better.</summary>
    protected virtual void ProjectionsCore(Tensor x, ReadOnlySpan<Projection> layers)
    {
        foreach (var layer in layers)
        {
            if (layer.Adapter is not { } adapter)
            {
                MatMul4BitCore(x, layer.W, layer.Y, transposeW: true, beta: 0, branch: null);
                continue;
            }

            var u = Allocate(new Shape(x.Rows, adapter.A.Rows));
            MatMulCore(x, adapter.A, u, transposeA: false, transposeB: true, adapter.Scaling, beta: 0);
            MatMul4BitCore(x, layer.W, layer.Y, transposeW: true, beta: 0, new LowRankBranch(u, adapter.B));
            u.Dispose();
        }
    }
}

/// <summary>A frozen linear layer in 4 bits, and where its result goes.</summary>
/// <param name="W">(out, in), NF4 or FP4.</param>
/// <param name="Y">(m, out) activations; overwritten.</param>
/// <param name="Adapter">The adapter beside it; null for none.</param>
public readonly record struct Projection(QuantizedTensor W, Tensor Y, LowRankAdapter? Adapter);

/// <summary>The two matrices of an adapter of low rank (Hu et al., arXiv:2106.09685).</summary>
/// <param name="A">(r, in) Float32.</param>
/// <param name="B">(out, r) Float32.</param>
/// <param name="Scaling">Factor of their product.</param>
public readonly record struct LowRankAdapter(Tensor A, Tensor B, float Scaling);
