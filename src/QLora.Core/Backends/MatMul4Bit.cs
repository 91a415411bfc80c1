using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y ← x · dequant(W)ᵀ + beta · y when <paramref name="transposeW"/>, the forward of a frozen linear layer; y ← x · dequant(W) + beta · y otherwise,
    /// its input gradient; with a branch, + u · Vᵀ or + u · V besides, which is LoRA's part of both. W is dequantised on the way into the product; no full-precision copy of it ever exists. Sums and the old content are Float32; a BFloat16
    /// result is rounded once, to the nearest.
    /// </summary>
    /// <param name="x">(m, in) when transposed, else (m, out); activations. When they are BFloat16, a backend may round the dequantised values to BFloat16 as well.</param>
    /// <param name="w">(out, in), NF4 or FP4.</param>
    /// <param name="y">(m, out) when transposed, else (m, in); activations, of whatever type x is; not overlapping x. When <paramref name="beta"/> is 0 its old content is not read.</param>
    /// <param name="transposeW">Whether x multiplies Wᵀ.</param>
    /// <param name="beta">Factor of the old content of y.</param>
    /// <param name="branch">What is added to the product; V is transposed as W is.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public void MatMul4Bit(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta = 0, LowRankBranch? branch = null)
    {
        const string Op = nameof(MatMul4Bit);
        Check.ActivationMatrix(Op, nameof(x), x);
        Check.ActivationMatrix(Op, nameof(y), y);
        var (k, n) = transposeW ? (w.Shape[1], w.Shape[0]) : (w.Shape[0], w.Shape[1]);
        Check.Is(Op, nameof(x), x, x.DType, x.Rows, k);
        Check.Is(Op, nameof(y), y, y.DType, x.Rows, n);
        if (branch is { } added)
        {
            var rank = added.U.Columns;
            Check.Is(Op, "u", added.U, DType.Float32, x.Rows, rank);
            if (transposeW) Check.Is(Op, "v", added.V, DType.Float32, n, rank);
            else Check.Is(Op, "v", added.V, DType.Float32, rank, n);
        }

        MatMul4BitCore(x, w, y, transposeW, beta, branch);
    }

    /// <summary>Backend part of <see cref="MatMul4Bit"/>; shapes are checked.</summary>
    protected abstract void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta, LowRankBranch? branch);
}

/// <summary>A product of low rank beside a frozen weight's (Hu et al., arXiv:2106.09685).</summary>
/// <param name="U">(m, r) Float32, with LoRA's scaling in it: x·Aᵀ forward, dy·B backward. A backend may round it and V to BFloat16 where x is BFloat16.</param>
/// <param name="V">Forward B, (out, r); backward A, (r, in). Float32.</param>
public readonly record struct LowRankBranch(Tensor U, Tensor V);
