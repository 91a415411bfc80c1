using System.Runtime.CompilerServices;
using QLora.Cpu.Gemm;
using QLora.Cpu.Gemm.BFloat16;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

// How a product of any two matrices is cut, packed and shared out.
public sealed unsafe partial class CpuBackend
{
    // From so many rows of each thread on, the threads share the rows: what each reads and writes is what it wrote in the op before, and what it pays is that
    // every thread packs all of b. With fewer they share the columns, and each packs its own.
    private const int RowsOfShare = 128;

    // Of all threads, for packed rows, panels and tiles; kept, because every product needs it.
    private DeviceBuffer? _productMemory;

    private ProductMemory ScratchOfProducts => new(Address(_productMemory ??= AllocateBuffer(ProductMemory.Size(_team.Threads) * sizeof(float))), _team.Threads);

    /// <summary>Multiplies blocks of a product of two matrices that are the same for all of them.</summary>
    private interface IBlockProduct
    {
        /// <summary>c ← block of the product + beta · c.</summary>
        /// <param name="block">Of the block.</param>
        /// <param name="shares">Threads that share its rows; 1 where they share its columns.</param>
        /// <param name="left">The left matrix from the block's corner on.</param>
        /// <param name="firstInner">The inner index of that corner.</param>
        /// <param name="c">The result from the block's first row on.</param>
        void Multiply(ProductShape block, int shares, LeftMatrix left, int firstInner, ResultMatrix c);
    }

    /// <summary>Chooses the tile that leaves the least beyond the edges.</summary>
    private void Multiply<TRows>(ProductShape shape, LeftMatrix left, TRows right, ResultMatrix c) where TRows : struct, IRows
    {
        if (shape.Pairs) MultiplyBlocks(shape, left, c, new PairBlocks<TRows>(this, PairTileFor(shape), right));
        else if (_width != VectorWidth.Vector512) MultiplySingles<Tile6x2, TRows>(shape, left, right, c);
        else if (shape.N <= 16) MultiplySingles<Tile16x1, TRows>(shape, left, right, c);
        else if (Padded(shape, 8, 48) <= Padded(shape, 12, 32)) MultiplySingles<Tile8x3, TRows>(shape, left, right, c);
        else MultiplySingles<Tile12x2, TRows>(shape, left, right, c);
    }

    private void MultiplySingles<TTile, TRows>(ProductShape shape, LeftMatrix left, TRows right, ResultMatrix c) where TTile : struct, ITile where TRows : struct, IRows =>
        MultiplyBlocks(shape, left, c, new SingleBlocks<TTile, TRows>(this, left.IsWorthPacking(shape, Cut(shape.M, shape.Inner, pairs: false).Shares), right));

    /// <summary>Whether a product of which these are operands or result may be one of pairs, by its contract, and can be.</summary>
    private bool TakesPairs(DType left, DType result) => _pairTiles != null && (left == DType.BFloat16 || result == DType.BFloat16);

    private PackedPairTile PairTileFor(ProductShape shape)
    {
        var best = _pairTiles![0];
        foreach (var tile in _pairTiles)
        {
            if (Padded(shape, tile.Rows, tile.Width) < Padded(shape, best.Rows, best.Width)) best = tile;
        }

        return best;
    }

    /// <summary>Results that tiles of such a size compute, those beyond the edges among them.</summary>
    private static long Padded(ProductShape shape, int rows, int width) => (long)((shape.M + rows - 1) / rows * rows) * ((shape.N + width - 1) / width * width);

    /// <summary>Takes a product block by block.</summary>
    private void MultiplyBlocks<TBlocks>(ProductShape shape, LeftMatrix left, ResultMatrix c, TBlocks blocks) where TBlocks : struct, IBlockProduct
    {
        var cut = Cut(shape.M, shape.Inner, shape.Pairs);
        var sumsBytes = SumsBytes(shape.M, shape.N, shape.Inner, shape.Pairs, c.DType);
        using var sums = sumsBytes > 0 ? AllocateBuffer(sumsBytes) : null;
        for (var row = 0; row < shape.M; row += cut.Rows)
        {
            var block = shape with { M = Math.Min(cut.Rows, shape.M - row), Beta = sums == null ? shape.Beta : 0 };
            var result = sums == null ? c.From(row) : new ResultMatrix(new Tensor(sums, new Shape(block.M, block.N), DType.Float32));
            var k = 0;
            do
            {
                block = block with { Inner = Math.Min(cut.Inner, shape.Inner - k), Beta = k == 0 ? block.Beta : 1 };
                blocks.Multiply(block, cut.Shares, left.From(row, k), k, result);
                k += cut.Inner;
            }
            while (k < shape.Inner);

            if (sums != null) Run(block.M, block.N, new AddSums(Address(sums), block.N, shape.Beta, c.From(row)));
        }
    }

    /// <summary>What <see cref="MultiplyBlocks"/> needs to add up stretches of the inner index that the result itself, rounded each time, could not hold.</summary>
    private long SumsBytes(int m, int n, int inner, bool pairs, DType result)
    {
        var cut = Cut(m, inner, pairs);
        return result == DType.Float32 || inner <= cut.Inner ? 0 : (long)Math.Min(cut.Rows, m) * n * sizeof(float);
    }

    /// <summary>Cuts a product into blocks whose part of the left matrix stays in the cache of a core.</summary>
    private ProductCut Cut(int m, int inner, bool pairs)
    {
        var shares = m >= RowsOfShare * _team.Threads ? _team.Threads : 1;
        var rows = EvenPart(m, (pairs ? ProductMemory.MaxPairRows(inner) : ProductMemory.MaxRows) * shares, ProductMemory.RowUnit);
        var rowsOfThread = (Math.Min(rows, m) + shares - 1) / shares;
        return new(shares, rows, EvenPart(inner, pairs ? ProductMemory.MaxPairInner(rowsOfThread) : ProductMemory.MaxInner(rowsOfThread), ProductMemory.InnerUnit));

        // The size of parts that are as good as equal.
        static int EvenPart(int extent, int most, int unit)
        {
            var parts = Math.Max(1, (extent + most - 1) / most);
            return Math.Max(unit, ((extent + parts - 1) / parts + unit - 1) / unit * unit);
        }
    }

    /// <summary>The tiles of a block for the threads of the team.</summary>
    private TileSchedule Schedule(ProductShape block, int rows, int width, int shares) =>
        new((block.N + width - 1) / width, (block.M + rows - 1) / rows, shares, _team.Threads);

    /// <summary>How a product is cut.</summary>
    /// <param name="Shares">Threads that share the rows; 1 where they share the columns.</param>
    /// <param name="Rows">Rows of a block.</param>
    /// <param name="Inner">The inner extent of a block.</param>
    private readonly record struct ProductCut(int Shares, int Rows, int Inner);

    /// <summary>Blocks in single precision.</summary>
    private readonly struct SingleBlocks<TTile, TRows>(CpuBackend backend, bool packs, TRows right) : IBlockProduct where TTile : struct, ITile where TRows : struct, IRows
    {
        public void Multiply(ProductShape block, int shares, LeftMatrix left, int firstInner, ResultMatrix c)
        {
            var memory = backend.ScratchOfProducts;
            if (packs)
            {
                var group = LeftMatrix.GroupOf<TTile>();
                backend.Run((block.M + group - 1) / group, (long)group * block.Inner, new PackLeft(left, block.M, block.Inner, group, memory.Left));
                left = LeftMatrix.Packed(memory.Left, group, block.Inner);
            }

            var schedule = backend.Schedule(block, TTile.Rows, TTile.Vectors * (int)backend._width / 32, shares);
            backend.RunInRuns(schedule.Items, schedule.TilesPerItem * TTile.Rows * TTile.Vectors * (block.Inner + 1),
                new Product<TTile, TRows>(block, left, right, firstInner, c, schedule, memory));
        }
    }

    /// <summary>Blocks in pairs of BFloat16 numbers.</summary>
    private readonly struct PairBlocks<TRows>(CpuBackend backend, PackedPairTile tile, TRows right) : IBlockProduct where TRows : struct, IRows
    {
        public void Multiply(ProductShape block, int shares, LeftMatrix left, int firstInner, ResultMatrix c)
        {
            var memory = backend.ScratchOfProducts;
            var packed = (uint*)memory.Left;
            backend.Run((block.M + tile.Rows - 1) / tile.Rows, (long)tile.Rows * block.Inner, new PackLeftPairs(left, block.M, block.Inner, tile.Rows, packed));
            var schedule = backend.Schedule(block, tile.Rows, tile.Width, shares);
            backend.RunInRuns(schedule.Items, schedule.TilesPerItem * tile.Rows * tile.Vectors * (block.Inner + 1),
                new PairProduct<TRows>(block, tile, packed, right, firstInner, c, schedule, memory));
        }
    }

    /// <summary>Rows of the result ← sums + beta · rows.</summary>
    private readonly struct AddSums(float* sums, int columns, float beta, ResultMatrix result) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V> =>
            result.Add<V>(start, end - start, 0, columns, sums + (nint)start * columns, columns, beta);
    }
}
