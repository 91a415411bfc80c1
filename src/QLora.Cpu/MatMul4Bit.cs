using QLora.Backends;
using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // A branch of more columns would crowd out the rows that a core keeps packed.
    private const int MaxRidingRank = 64;

    /// <inheritdoc/>
    protected override void MatMul4BitCore(Tensor x, QuantizedTensor w, Tensor y, bool transposeW, float beta, LowRankBranch? branch)
    {
        var (shape, rows) = (new ProductShape(y.Rows, y.Columns, x.Columns, transposeW, 1, beta, TakesPairs(x.DType, y.DType)), new QuantizedRows(w));
        if (_width != VectorWidth.Vector128 && FewCodeRows.Fits(shape, rows))
        {
            MultiplyFew(shape, x, rows, branch, new ResultMatrix(y));
            return;
        }

        if (branch is { } riding && RidesAlong(shape, riding.U.Columns))
        {
            Multiply(shape with { Inner = shape.Inner + riding.U.Columns }, new LeftMatrix(x, riding.U),
                new BranchRows<QuantizedRows>(rows, new DenseRows<SingleFormat>((byte*)riding.V.Pointer<float>(), riding.V.Columns), shape.Inner), new ResultMatrix(y));
            return;
        }

        if (branch is { } added)
        {
            // First, so that it is not added to what is rounded already.
            MatMulCore(added.U, added.V, y, transposeA: false, transposeB: transposeW, alpha: 1, beta);
            shape = shape with { Beta = 1 };
        }

        Multiply(shape, new LeftMatrix(x, transposed: false), rows, new ResultMatrix(y));
    }

    /// <summary>Whether a branch is part of the product itself: pairs must end where it begins.</summary>
    private static bool RidesAlong(ProductShape shape, int rank) => rank <= MaxRidingRank && shape.Inner % 2 == 0;

    private void MultiplyFew(ProductShape shape, Tensor x, QuantizedRows w, LowRankBranch? branch, ResultMatrix y)
    {
        ArrangeFew(shape, x);
        var riding = branch is { } added ? new FewBranchRows(added.U.Pointer<float>(), added.V.Pointer<float>(), added.U.Columns) : default;
        Run(FewCodeRows.Items(shape.N), FewCodeRows.ItemWork(shape), new FewCodeRows(shape, w, riding, y, ScratchOfProducts));
    }

    /// <summary>Puts a few rows in the order of the codes.</summary>
    private void ArrangeFew(ProductShape shape, Tensor x)
    {
        var left = new LeftMatrix(x, transposed: false);
        if (_width == VectorWidth.Vector512) Arrange<Float16>(shape, left);
        else Arrange<Float8>(shape, left);
    }

    private void Arrange<V>(ProductShape shape, LeftMatrix left) where V : unmanaged, IRegisterTable<V>
    {
        if (left.DType == DType.BFloat16) FewCodeRows.Arrange<V, BFloat16Format>(shape, left.Data, ScratchOfProducts);
        else FewCodeRows.Arrange<V, SingleFormat>(shape, left.Data, ScratchOfProducts);
    }
}
