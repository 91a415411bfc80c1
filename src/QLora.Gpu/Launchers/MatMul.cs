using ILGPU;
using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
    {
        var shape = NewProduct(c, transposeA ? a.Rows : a.Columns, transposeA, transposeB);
        switch (b.DType)
        {
            case DType.Float32: Multiply<DenseReader<F32>>(a, new(View<F32>(b)), c, shape, null, alpha, beta); break;
            case DType.BFloat16: Multiply<DenseReader<BF16>>(a, new(View<BF16>(b)), c, shape, null, alpha, beta); break;
            case DType.Float16: Multiply<DenseReader<F16>>(a, new(View<F16>(b)), c, shape, null, alpha, beta); break;
            default: Multiply<Q8Reader>(a, new(Bytes(b)), c, shape, null, alpha, beta); break;
        }
    }

    private static ProductShape NewProduct(Tensor c, int k, bool transposeA, bool transposeB) => new()
    {
        M = c.Rows,
        N = c.Columns,
        K = k,
        LeftRow = transposeA ? 1 : k,
        LeftColumn = transposeA ? c.Rows : 1,
        RightRow = transposeB ? 1 : c.Columns,
        RightColumn = transposeB ? k : 1,
    };

    /// <summary>c ← alpha · a · b + u · v + beta · c, in the types that the operands are of.</summary>
    private void Multiply<TRight>(Tensor a, TRight b, Tensor c, ProductShape shape, LowRankBranch? branch, float alpha, float beta) where TRight : struct, IWeightReader
    {
        if (a.DType == DType.Float32) Left<F32>();
        else Left<BF16>();

        void Left<TLeft>() where TLeft : unmanaged, IElement<TLeft>
        {
            if (c.DType == DType.Float32) Multiply<TLeft, TRight, F32>(a, b, c, shape, branch, alpha, beta);
            else Multiply<TLeft, TRight, BF16>(a, b, c, shape, branch, alpha, beta);
        }
    }

    /// <summary>The one place that chooses how a product is made: for a single row, which reads the weight once and multiplies little, a group makes each element.</summary>
    private void Multiply<TLeft, TRight, TResult>(Tensor a, TRight b, Tensor c, ProductShape shape, LowRankBranch? branch, float alpha, float beta)
        where TLeft : unmanaged, IElement<TLeft> where TRight : struct, IWeightReader where TResult : unmanaged, IElement<TResult>
    {
        var low = branch is { } added ? NewProduct(c, added.U.Columns, transposeA: false, shape.RightRow == 1) : default;
        var (u, v) = branch is null ? (default, default) : (View<F32>(branch.Value.U), View<F32>(branch.Value.V));
        if (shape.M == 1 && shape.RightRow == 1)
        {
            Launch(MatMulKernels.VectorMatMul<TLeft, TRight, TResult>, new LaunchShape(new Index3D(shape.N, 1, 1), VectorLanes), View<TLeft>(a), b, shape, u, v, low, View<TResult>(c), alpha, beta);
            return;
        }

        var groups = new Index3D((shape.N + Tile.Size - 1) / Tile.Size, (shape.M + Tile.Size - 1) / Tile.Size, 1);
        Launch(MatMulKernels.MatMul<TLeft, TRight, TResult>, new LaunchShape(groups, TileLanes), View<TLeft>(a), b, shape, u, v, low, View<TResult>(c), alpha, beta);
    }

    // Few: each has some hundred products to sum at most, and the sums of all are added up one after another.
    private Index3D VectorLanes => new(Math.Min(32, _device.GroupSize), 1, 1);

    private static Index3D TileLanes => new(Tile.Lanes, Tile.Lanes, 1);
}
