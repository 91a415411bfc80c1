using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;

namespace QLora.Cpu.Gemm.BFloat16;

/// <summary>
/// What <see cref="Product{TTile, TRows}"/> is for single precision: a block of a product whose left matrix is packed by <see cref="PackLeftPairs"/>. Each panel of the right one is
/// packed by the thread that multiplies with it, in stretches of the inner index.
/// </summary>
internal readonly unsafe struct PairProduct<TRows>(
    ProductShape shape, PackedPairTile tile, uint* left, TRows right, int firstInner, ResultMatrix c, TileSchedule schedule, ProductMemory memory) : IKernel where TRows : struct, IRows
{
    [MethodImpl(Hot.Loop)]
    public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
    {
        foreach (var run in schedule.RunsOf(start, end)) MultiplyPanel<V>(run, memory.OfThread(part));
    }

    private void MultiplyPanel<V>(TileRun run, ProductMemory.ThreadMemory own) where V : unmanaged, IVector<V>
    {
        var column = run.Panel * tile.Width;
        var columns = Math.Min(tile.Width, shape.N - column);
        var leftPairs = (shape.Inner + 1) / 2;

        // Sums that one stretch completes need not be kept: all tiles have theirs in the same place.
        var isOneStretch = shape.Inner <= ProductMemory.PanelInner;
        var sumsStep = isOneStretch ? 0 : PackedPairTile.Sums;
        var rounds = isOneStretch && shape is { Inner: > 0, Alpha: 1, Beta: 0 } && c.TakesRoundedRows;
        var ahead = new PanelAhead<TRows>(right, shape, firstInner, column + tile.Width, tile.Width, run.Last - run.First);
        var k = 0;
        do
        {
            var inner = Math.Min(ProductMemory.PanelInner, shape.Inner - k);
            var product = rounds ? tile.Rounded : k == 0 ? tile.First : tile.More;
            PairPanel.Pack(right, shape.TransposeB, firstInner + k, inner, column, columns, tile.Width, own.Pairs, own.Singles, own.Rows);
            for (var i = run.First; i < run.Last; i++)
            {
                var sums = own.Sums + (nint)(i - run.First) * sumsStep;
                if (inner > 0) product.Multiply((inner + 1) / 2, left + ((nint)i * leftPairs + k / 2) * tile.Rows, own.Pairs, sums);
                else new Span<float>(sums, PackedPairTile.Sums).Clear();
                if (k + inner < shape.Inner) continue;
                ahead.Prefetch(i - run.First);
                if (rounds) c.Copy(i * tile.Rows, Math.Min(tile.Rows, shape.M - i * tile.Rows), column, columns, (ushort*)sums, tile.Width);
                else Finish<V>(i * tile.Rows, column, columns, sums);
            }

            k += inner;
        }
        while (k < shape.Inner);
    }

    private void Finish<V>(int row, int column, int columns, float* sums) where V : unmanaged, IVector<V>
    {
        var factor = V.Create(shape.Alpha);
        for (var i = 0; shape.Alpha != 1 && i < PackedPairTile.Sums; i += V.Count) (V.Load(sums + i) * factor).Store(sums + i);
        c.Add<V>(row, Math.Min(tile.Rows, shape.M - row), column, columns, sums, tile.Width, shape.Beta);
    }
}
