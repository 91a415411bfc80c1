using QLora.Cpu.Gemm;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Of all threads, for panels and tiles; kept, because every product needs it.
    private DeviceBuffer? _productScratch;

    /// <inheritdoc/>
    protected override void MatMulCore(Tensor a, Tensor b, Tensor c, bool transposeA, bool transposeB, float alpha, float beta)
    {
        var shape = new ProductShape(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeB, alpha, beta);
        var left = transposeA ? new LeftMatrix(a.Pointer<float>(), 1, a.Columns) : new LeftMatrix(a.Pointer<float>(), a.Columns, 1);
        switch (b.DType)
        {
            case DType.BFloat16: Multiply(shape, left, new BFloat16Rows(b.Pointer<ushort>(), b.Columns), c); break;
            case DType.Float16: Multiply(shape, left, new Float16Rows(b.Pointer<Half>(), b.Columns), c); break;
            default: Multiply(shape, left, new Float32Rows(b.Pointer<float>(), b.Columns), c); break;
        }
    }

    /// <summary>Chooses the tile that leaves the least beyond the edges.</summary>
    private void Multiply<TRows>(ProductShape shape, LeftMatrix left, TRows right, Tensor c) where TRows : struct, IRows
    {
        if (_width != VectorWidth.Vector512) Multiply<Tile6x2, TRows>(shape, left, right, c);
        else if (shape.N <= 16) Multiply<Tile16x1, TRows>(shape, left, right, c);
        else if (Padded(shape, 8, 48) <= Padded(shape, 12, 32)) Multiply<Tile8x3, TRows>(shape, left, right, c);
        else Multiply<Tile12x2, TRows>(shape, left, right, c);

        static long Padded(ProductShape shape, int rows, int width) => (long)((shape.M + rows - 1) / rows * rows) * ((shape.N + width - 1) / width * width);
    }

    private void Multiply<TTile, TRows>(ProductShape shape, LeftMatrix left, TRows right, Tensor c) where TTile : struct, ITile where TRows : struct, IRows
    {
        var width = TTile.Vectors * (int)_width / 32;
        var items = (shape.M + TTile.Rows - 1) / TTile.Rows * ((shape.N + width - 1) / width);
        Run(items, (long)TTile.Rows * TTile.Vectors * (shape.Inner + 1), new Product<TTile, TRows>(shape, left, right, c.Pointer<float>(), ProductMemory()));
    }

    private float* ProductMemory() => Address(_productScratch ??= AllocateBuffer((long)_team.Threads * ProductScratch.Size * sizeof(float)));
}
