using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // The gradient of a narrow matrix is better made the other way round; up to this many columns a square one is not.
    private const int NarrowResult = 128;

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
    {
        var shape = new ProductShape(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeB, alpha, beta,
            TakesPairs(a.DType, c.DType) || (transposeA && TakesPairs(b.DType, c.DType)));
        if (transposeA && !transposeB && (b.DType == DType.Float32 || b.DType == a.DType) && 2 * c.Columns <= c.Rows && c.Columns <= NarrowResult)
        {
            // cᵀ ← bᵀ · a: the many columns of a then lie in vectors, as they do in memory.
            MultiplyDense(shape with { M = shape.N, N = shape.M }, new LeftMatrix(b, transposed: true), a, new ResultMatrix(c, transposed: true));
        }
        else
        {
            MultiplyDense(shape, new LeftMatrix(a, transposeA), b, new ResultMatrix(c));
        }
    }

    private void MultiplyDense(ProductShape shape, LeftMatrix left, Tensor right, ResultMatrix c)
    {
        switch (right.DType)
        {
            case DType.BFloat16: MultiplyDense<BFloat16Format>(shape, left, right, (byte*)right.Pointer<ushort>(), c); break;
            case DType.Float16: MultiplyDense<HalfFormat>(shape, left, right, (byte*)right.Pointer<ushort>(), c); break;
            case DType.Q8: MultiplyDense<Q8Dots, Q8Rows>(shape, left, right, (byte*)right.Pointer<Q8Block>(), new Q8Rows(right.Pointer<Q8Block>(), right.Columns), c); break;
            default: MultiplyDense<SingleFormat>(shape, left, right, (byte*)right.Pointer<float>(), c); break;
        }
    }

    private void MultiplyDense<TFormat>(ProductShape shape, LeftMatrix left, Tensor right, byte* data, ResultMatrix c) where TFormat : struct, INumberFormat =>
        MultiplyDense<Dots<TFormat>, DenseRows<TFormat>>(shape, left, right, data, new DenseRows<TFormat>(data, right.Columns), c);

    /// <summary>Multiplies a few rows with the right matrix where it lies, and more with packed panels of it.</summary>
    private void MultiplyDense<TDots, TRows>(ProductShape shape, LeftMatrix left, Tensor right, byte* data, TRows rows, ResultMatrix c)
        where TDots : struct, IDots where TRows : struct, IRows
    {
        if (shape.M <= FewRows<TDots>.MaxRows && shape.N >= IDots.Rows && shape.TransposeB && left.HasRowsOf(shape.Inner)
            && (left.DType == DType.Float32 || (long)shape.M * shape.Inner <= ProductMemory.MaxFewNumbers))
        {
            var rowBytes = (nint)right.DType.Bytes(right.Columns);
            Run(FewRows<TDots>.Items(shape.N), FewRows<TDots>.ItemWork(shape, rowBytes), new FewRows<TDots>(shape, FewSingles(left, shape), data, rowBytes, c));
        }
        else
        {
            Multiply(shape, left, rows, c);
        }
    }

    /// <summary>A few rows in single precision: where they lie, or widened into scratch memory.</summary>
    private float* FewSingles(LeftMatrix left, ProductShape shape)
    {
        if (left.DType == DType.Float32) return (float*)left.Data;
        var singles = ScratchOfProducts.Left;
        Run(shape.M, shape.Inner, new Widen(new DenseRows<BFloat16Format>(left.Data, shape.Inner), shape.Inner, singles));
        return singles;
    }

    /// <summary>Rows in single precision.</summary>
    private readonly struct Widen(DenseRows<BFloat16Format> source, int columns, float* destination) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var row = start; row < end; row++) source.Read<V>(row, 0, columns, destination + (nint)row * columns);
        }
    }
}
