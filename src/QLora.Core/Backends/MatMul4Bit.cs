using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// y ← x · dequant(W)ᵀ + beta · y when <paramref name="transposeW"/>, the forward of a frozen linear layer; y ← x · dequant(W) + beta · y otherwise,
    /// its input gradient. W is dequantised on the way into the product; no full-precision copy of it ever exists.
    /// </summary>
    /// <param name="x">(m, in) when transposed, else (m, out); Float32.</param>
    /// <param name="w">(out, in), NF4 or FP4.</param>
    /// <param name="y">(m, out) when transposed, else (m, in); Float32; not overlapping x. When <paramref name="beta"/> is 0 its old content is not read.</param>
    /// <param name="transposeW">Whether x multiplies Wᵀ.</param>
    /// <param name="beta">Factor of the old content of y.</param>
    /// <exception cref="ArgumentException">The shapes do not fit.</exception>
    public void MatMul4Bit(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta = 0)
    {
        const string Op = nameof(MatMul4Bit);
        Check.Matrix(Op, nameof(x), x);
        var (k, n) = transposeW ? (w.Shape[1], w.Shape[0]) : (w.Shape[0], w.Shape[1]);
        Check.Is(Op, nameof(x), x, DType.Float32, x.Rows, k);
        Check.Is(Op, nameof(y), y, DType.Float32, x.Rows, n);
        MatMul4BitCore(x, w, y, transposeW, beta);
    }

    /// <summary>Backend part of <see cref="MatMul4Bit"/>; shapes are checked.</summary>
    protected abstract void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta);
}
