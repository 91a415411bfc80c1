using System.Runtime.CompilerServices;
using ILGPU;

namespace QLora.Gpu.Kernels;

internal static class TensorMatMulKernels
{
    /// <summary>
    /// A group makes one tile of c ← a · b + u · v + beta · c on tensor cores. Rows of a, b and c are of whole runs; the branch may be of any rank. It is rounded to
    /// bfloat16, and so is what b stands for.
    /// </summary>
    public static void MatMul<TRight, TRun, TOrder, TFour>(
        ArrayView<BF16> a, TRight b, ProductShape shape, ArrayView<F32> u, ArrayView<F32> v, ProductShape branch, ArrayView<TFour> c, float beta)
        where TRight : struct, IRunReader<TRight, TRun> where TRun : unmanaged where TOrder : struct, ITileOrder where TFour : unmanaged, IFour<TFour>
    {
        var tile = SharedMemory.Allocate<Four>(TensorTile.Bytes / 16);
        TensorCore.Begin();
        Accumulate<RoundedRuns, RoundedRun, TRight, TRun, TOrder>(new RoundedRuns(a), b.Staged(), shape);
        Accumulate<LooseRuns<DenseReader<F32>>, SingleRun, LooseRuns<DenseReader<F32>>, SingleRun, TOrder>(new(new(u)), new(new(v)), branch);
        for (var patch = 0; patch < TensorTile.WarpRows / TensorTile.PatchRows; patch++) StorePatch(tile, patch, c, shape, beta);
    }

    /// <summary>Adds a product, of all its stages. The first half of a stage's work is to load what the next one needs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Accumulate<TLeft, TLeftRun, TRight, TRightRun, TOrder>(TLeft a, TRight b, ProductShape shape)
        where TLeft : struct, IRunReader<TLeft, TLeftRun> where TLeftRun : unmanaged
        where TRight : struct, IRunReader<TRight, TRightRun> where TRightRun : unmanaged where TOrder : struct, ITileOrder
    {
        if (shape.K == 0) return;
        var lane = Group.IdxX;
        var m = Grid.IdxY * TensorTile.Size + TensorTile.AlongInner.RunOuter(lane);
        var leftInner = TensorTile.AlongInner.RunInner(lane);
        var n = Grid.IdxX * TensorTile.Size + TOrder.RunOuter(lane);
        var rightInner = TOrder.RunInner(lane);
        var leftStore = TensorTile.AlongInner.RunStore(lane);
        var rightStore = TensorTile.Right + TOrder.RunStore(lane);
        var leftFragment = TensorTile.LeftFragment(lane >> 5, lane & 31);
        var rightFragment = TOrder.RightFragment(lane >> 5, lane & 31);

        var left = a.Load(shape.Left(m, leftInner), TensorTile.AlongInner.RunCount(shape.K - leftInner, shape.M - m));
        var right = b.Load(shape.Right(rightInner, n), TOrder.RunCount(shape.K - rightInner, shape.N - n));
        a.Store(left, leftStore);
        b.Store(right, rightStore);
        Group.Barrier();
        var stage = 0;
        for (var k = TensorTile.Inner; k < shape.K + TensorTile.Inner; k += TensorTile.Inner)
        {
            left = a.Load(shape.Left(m, k + leftInner), TensorTile.AlongInner.RunCount(shape.K - k - leftInner, shape.M - m));
            right = b.Load(shape.Right(k + rightInner, n), TOrder.RunCount(shape.K - k - rightInner, shape.N - n));
            TOrder.MultiplyAdd(stage + leftFragment, stage + rightFragment);
            stage = TensorTile.StageBytes - stage;
            a.Store(left, stage + leftStore);
            b.Store(right, stage + rightStore);
            Group.Barrier();
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StorePatch<TFour>(ArrayView<Four> tile, int patch, ArrayView<TFour> c, ProductShape shape, float beta) where TFour : unmanaged, IFour<TFour>
    {
        var warp = Group.IdxX >> 5;
        var lane = Group.IdxX & 31;
        TensorCore.StoreSums(patch, TensorTile.PatchStore(warp, lane));
        Group.Barrier();
        var firstRow = Grid.IdxY * TensorTile.Size + TensorTile.WarpRow(warp) + patch * TensorTile.PatchRows;
        var firstColumn = Grid.IdxX * TensorTile.Size + TensorTile.WarpColumn(warp);
        const int Fours = TensorTile.WarpColumns / 4;
        for (var i = lane; i < TensorTile.PatchRows * Fours; i += 32)
        {
            var row = i / Fours;
            var column = i % Fours;
            var m = firstRow + row;
            var n = firstColumn + 4 * column;
            if (m >= shape.M || n >= shape.N) continue;
            var sums = tile[TensorTile.Patch(warp, row) / 16 + column];
            var at = (m * shape.N + n) >> 2;
            c[at] = TFour.Round(beta == 0 ? sums : sums.AddScaled(c[at].Widen(), beta)); // the old content may be anything where it is not asked for
        }

        Group.Barrier();
    }
}

/// <summary>Four elements of a result, loaded and stored at once.</summary>
internal interface IFour<TSelf> where TSelf : unmanaged
{
    /// <summary>The nearest elements.</summary>
    static abstract TSelf Round(Four values);

    /// <summary>The numbers that they stand for.</summary>
    Four Widen();
}

/// <summary>Four elements in single precision.</summary>
internal struct FourF32 : IFour<FourF32>
{
    private Four _values;

    public readonly Four Widen() => _values;

    public static FourF32 Round(Four values) => new() { _values = values };
}

/// <summary>Four elements of bfloat16.</summary>
internal struct FourBF16 : IFour<FourBF16>
{
    private TwoWords _words;

    public readonly Four Widen() => Widen(_words.At0, _words.At1);

    /// <summary>What two words stand for.</summary>
    public static Four Widen(uint word0, uint word1) => new(BF16.Widen(word0), BF16.Widen(word0 >> 16), BF16.Widen(word1), BF16.Widen(word1 >> 16));

    public static FourBF16 Round(Four values) => new()
    {
        _words = new TwoWords(BF16.RoundBits(values.At0) | BF16.RoundBits(values.At1) << 16, BF16.RoundBits(values.At2) | BF16.RoundBits(values.At3) << 16),
    };
}
