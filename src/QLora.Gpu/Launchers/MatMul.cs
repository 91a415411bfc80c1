using ILGPU;
using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <summary>How products are made here.</summary>
    internal ProductChoice Products { get => field ??= ProductChoice.Of(_device.Accelerator, _pool.Budget); init; }

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
        => MultiplyDense(a, b, c, NewProduct(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeA, transposeB), null, alpha, beta);

    private void MultiplyDense(Tensor a, Tensor b, Tensor c, ProductShape shape, LowRankBranch? branch, float alpha, float beta)
    {
        var kernel = Products.KernelOf(shape, a.DType, ProductChoice.IsAligned(a) && ProductChoice.IsAligned(b) && ProductChoice.IsAligned(c), alpha: alpha);
        switch (b.DType)
        {
            case DType.Float32: Multiply<DenseReader<F32>, SingleRuns, SingleRun>(kernel, a, new(View<F32>(b)), new(View<F32>(b)), c, shape, branch, alpha, beta); break;
            case DType.BFloat16: Multiply<DenseReader<BF16>, RoundedRuns, RoundedRun>(kernel, a, new(View<BF16>(b)), new(View<BF16>(b)), c, shape, branch, alpha, beta); break;
            case DType.Float16: Loose<DenseReader<F16>>(new(View<F16>(b))); break;
            default: Loose<Q8Reader>(new(Bytes(b))); break;
        }

        void Loose<TReader>(TReader reader) where TReader : struct, IWeightReader =>
            Multiply<TReader, LooseRuns<TReader>, SingleRun>(kernel, a, reader, new(reader), c, shape, branch, alpha, beta);
    }

    internal static ProductShape NewProduct(int m, int n, int k, bool transposeA, bool transposeB) => new()
    {
        M = m,
        N = n,
        K = k,
        LeftRow = transposeA ? 1 : k,
        LeftColumn = transposeA ? m : 1,
        RightRow = transposeB ? 1 : n,
        RightColumn = transposeB ? k : 1,
    };

    /// <summary>c ← alpha · a · b + u · v + beta · c, in the types that the operands are of.</summary>
    /// <param name="kernel">What makes it.</param>
    /// <param name="a">The left operand.</param>
    /// <param name="b">The right one, an element at a time.</param>
    /// <param name="runs">The right one in runs.</param>
    /// <param name="c">The result.</param>
    /// <param name="shape">Where their elements stand.</param>
    /// <param name="branch">u and v; null for none.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="beta">Factor of the old content.</param>
    private void Multiply<TRight, TRuns, TRun>(
        ProductKernel kernel, Tensor a, TRight b, TRuns runs, Tensor c, ProductShape shape, LowRankBranch? branch, float alpha, float beta)
        where TRight : struct, IWeightReader where TRuns : struct, IRunReader<TRuns, TRun> where TRun : unmanaged
    {
        var low = branch is { } added ? NewProduct(shape.M, shape.N, added.U.Columns, transposeA: false, shape.RightRow == 1) : default;
        var (u, v) = branch is null ? (default, default) : (View<F32>(branch.Value.U), View<F32>(branch.Value.V));
        if (kernel == ProductKernel.TensorTile)
        {
            if (shape.RightRow == 1) Order<TensorTile.AlongInner>();
            else Order<TensorTile.AcrossInner>();
        }
        else if (a.DType == DType.Float32) Left<F32, SingleRuns, SingleRun>(new(View<F32>(a)));
        else Left<BF16, RoundedRuns, RoundedRun>(new(View<BF16>(a)));

        void Left<TLeft, TLeftRuns, TLeftRun>(TLeftRuns leftRuns)
            where TLeft : unmanaged, IElement<TLeft> where TLeftRuns : struct, IRunReader<TLeftRuns, TLeftRun> where TLeftRun : unmanaged
        {
            if (c.DType == DType.Float32) Result<TLeft, TLeftRuns, TLeftRun, F32>(leftRuns);
            else Result<TLeft, TLeftRuns, TLeftRun, BF16>(leftRuns);
        }

        void Result<TLeft, TLeftRuns, TLeftRun, TResult>(TLeftRuns leftRuns)
            where TLeft : unmanaged, IElement<TLeft> where TLeftRuns : struct, IRunReader<TLeftRuns, TLeftRun> where TLeftRun : unmanaged where TResult : unmanaged, IElement<TResult>
        {
            var (result, tiles) = (View<TResult>(c), new LaunchShape(Tiles(shape, Tile.Size), TileLanes));
            switch (kernel)
            {
                case ProductKernel.Vector:
                    Launch(MatMulKernels.VectorMatMul<TLeft, TRight, TResult>, new LaunchShape(new Index3D(shape.N, 1, 1), VectorLanes), View<TLeft>(a), b, shape, u, v, low, result, alpha, beta);
                    break;
                case ProductKernel.Tile:
                    Launch(MatMulKernels.MatMul<TLeftRuns, TLeftRun, TRuns, TRun, TResult>, tiles, leftRuns, runs, shape, u, v, low, result, alpha, beta);
                    break;
                default:
                    Launch(MatMulKernels.MatMul<LooseRuns<DenseReader<TLeft>>, SingleRun, LooseRuns<TRight>, SingleRun, TResult>, tiles,
                        new LooseRuns<DenseReader<TLeft>>(new(View<TLeft>(a))), new LooseRuns<TRight>(b), shape, u, v, low, result, alpha, beta);
                    break;
            }
        }

        void Order<TOrder>() where TOrder : struct, ITileOrder
        {
            if (c.DType == DType.Float32) Fours<TOrder, FourF32>();
            else Fours<TOrder, FourBF16>();
        }

        void Fours<TOrder, TFour>() where TOrder : struct, ITileOrder where TFour : unmanaged, IFour<TFour> =>
            Launch(TensorMatMulKernels.MatMul<TRuns, TRun, TOrder, TFour>, new LaunchShape(Tiles(shape, TensorTile.Size), TensorTileLanes),
                View<BF16>(a), runs, shape, u, v, low, View<TFour>(c), beta);
    }

    /// <summary>A group for each tile of the result.</summary>
    private static Index3D Tiles(ProductShape shape, int size) => new((shape.N + size - 1) / size, (shape.M + size - 1) / size, 1);

    // Few: each has some hundred products to sum at most, and the sums of all are added up one after another.
    private Index3D VectorLanes => new(Math.Min(32, _device.GroupSize), 1, 1);

    private static Index3D TileLanes => new(Tile.Lanes, Tile.Lanes, 1);

    private static Index3D TensorTileLanes => new(TensorTile.Lanes, 1, 1);
}
