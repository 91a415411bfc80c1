using QLora.Cpu.Gemm;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // From so many rows of each thread on, the threads share the rows: what each reads and writes is what it wrote in the op before, and what it pays is that
    // every thread packs all of b. With fewer they share the columns, and each packs its own.
    private const int RowsOfShare = 128;

    // The gradient of a narrow matrix is better made the other way round; up to this many columns a square one is not.
    private const int NarrowResult = 128;

    // Of all threads, for packed rows, panels and tiles; kept, because every product needs it.
    private DeviceBuffer? _productMemory;

    private ProductMemory ScratchOfProducts => new(Address(_productMemory ??= AllocateBuffer(ProductMemory.Size(_team.Threads) * sizeof(float))), _team.Threads);

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
    {
        var shape = new ProductShape(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeB, alpha, beta);
        if (transposeA && !transposeB && b.DType == DType.Float32 && 2 * c.Columns <= c.Rows && c.Columns <= NarrowResult)
        {
            // cᵀ ← bᵀ · a: the many columns of a then lie in vectors, as they do in memory.
            Multiply(shape with { M = shape.N, N = shape.M }, new LeftMatrix(b.Pointer<float>(), 1, b.Columns),
                new DenseRows<SingleFormat>((byte*)a.Pointer<float>(), a.Columns), new ResultMatrix(c.Pointer<float>(), 1, c.Columns));
            return;
        }

        var left = transposeA ? new LeftMatrix(a.Pointer<float>(), 1, a.Columns) : new LeftMatrix(a.Pointer<float>(), a.Columns, 1);
        switch (b.DType)
        {
            case DType.BFloat16: MultiplyDense<BFloat16Format>(shape, left, (byte*)b.Pointer<ushort>(), c); break;
            case DType.Float16: MultiplyDense<HalfFormat>(shape, left, (byte*)b.Pointer<ushort>(), c); break;
            default: MultiplyDense<SingleFormat>(shape, left, (byte*)b.Pointer<float>(), c); break;
        }
    }

    private void MultiplyDense<TFormat>(ProductShape shape, LeftMatrix left, byte* right, Tensor c) where TFormat : struct, INumberFormat
    {
        var rows = new DenseRows<TFormat>(right, shape.TransposeB ? shape.Inner : shape.N);
        if (shape.M <= FewRows<TFormat>.MaxRows && shape.N >= Dots<TFormat>.Rows && shape.TransposeB && left.HasRowsOf(shape.Inner))
        {
            Run(FewRows<TFormat>.Items(shape.N), (long)shape.M * shape.Inner, new FewRows<TFormat>(shape, left.Data, rows, c.Pointer<float>()));
        }
        else
        {
            Multiply(shape, left, rows, new ResultMatrix(c.Pointer<float>(), shape.N, 1));
        }
    }

    /// <summary>Chooses the tile that leaves the least beyond the edges.</summary>
    private void Multiply<TRows>(ProductShape shape, LeftMatrix left, TRows right, ResultMatrix c) where TRows : struct, IRows
    {
        if (_width != VectorWidth.Vector512) Multiply<Tile6x2, TRows>(shape, left, right, c);
        else if (shape.N <= 16) Multiply<Tile16x1, TRows>(shape, left, right, c);
        else if (Padded(shape, 8, 48) <= Padded(shape, 12, 32)) Multiply<Tile8x3, TRows>(shape, left, right, c);
        else Multiply<Tile12x2, TRows>(shape, left, right, c);

        static long Padded(ProductShape shape, int rows, int width) => (long)((shape.M + rows - 1) / rows * rows) * ((shape.N + width - 1) / width * width);
    }

    /// <summary>Cuts the product into blocks whose part of the left matrix stays in the cache of a core.</summary>
    private void Multiply<TTile, TRows>(ProductShape shape, LeftMatrix left, TRows right, ResultMatrix c) where TTile : struct, ITile where TRows : struct, IRows
    {
        var shares = shape.M >= RowsOfShare * _team.Threads ? _team.Threads : 1;
        var rows = EvenPart(shape.M, ProductMemory.MaxRows * shares, ProductMemory.RowUnit);
        var inner = EvenPart(shape.Inner, ProductMemory.MaxInner((Math.Min(rows, shape.M) + shares - 1) / shares), ProductMemory.InnerUnit);
        var memory = ScratchOfProducts;
        var packs = left.IsWorthPacking(shape, shares);
        for (var row = 0; row < shape.M; row += rows)
        {
            var k = 0;
            do
            {
                var block = shape with { M = Math.Min(rows, shape.M - row), Inner = Math.Min(inner, shape.Inner - k), Beta = k == 0 ? shape.Beta : 1 };
                var from = left.From(row, k);
                MultiplyBlock<TTile, TRows>(block, shares, packs ? Pack<TTile>(block, from, memory) : from, right, k, c.From(row), memory);
                k += inner;
            }
            while (k < shape.Inner);
        }

        // The size of parts that are as good as equal.
        static int EvenPart(int extent, int most, int unit)
        {
            var parts = Math.Max(1, (extent + most - 1) / most);
            return Math.Max(unit, ((extent + parts - 1) / parts + unit - 1) / unit * unit);
        }
    }

    /// <summary>Packs the left matrix of a block, once for all threads.</summary>
    private LeftMatrix Pack<TTile>(ProductShape block, LeftMatrix left, ProductMemory memory) where TTile : struct, ITile
    {
        var group = LeftMatrix.GroupOf<TTile>();
        Run((block.M + group - 1) / group, (long)group * block.Inner, new PackLeft(left, block.M, block.Inner, group, memory.Left));
        return LeftMatrix.Packed(memory.Left, group, block.Inner);
    }

    /// <summary>Gives each thread its share of the rows, or one panel after another, or its share of the tiles where the panels do not go round.</summary>
    private void MultiplyBlock<TTile, TRows>(ProductShape block, int shares, LeftMatrix left, TRows right, int firstInner, ResultMatrix c, ProductMemory memory)
        where TTile : struct, ITile where TRows : struct, IRows
    {
        var width = TTile.Vectors * (int)_width / 32;
        var (panels, tiles) = ((block.N + width - 1) / width, (block.M + TTile.Rows - 1) / TTile.Rows);
        var tileWork = (long)TTile.Rows * TTile.Vectors * (block.Inner + 1);
        if (shares > 1)
        {
            Run(shares, panels * tiles * tileWork / shares, new Product<TTile, TRows>(block, left, right, firstInner, c, 0, shares, memory));
            return;
        }

        var goRound = panels % _team.Threads == 0 || panels >= 16 * _team.Threads;
        var tilesPerItem = goRound ? tiles : (panels * tiles + _team.Threads - 1) / _team.Threads;
        var kernel = new Product<TTile, TRows>(block, left, right, firstInner, c, tilesPerItem, 1, memory);
        RunInTurn((panels * tiles + tilesPerItem - 1) / tilesPerItem, kernel, tilesPerItem * tileWork);
    }
}
