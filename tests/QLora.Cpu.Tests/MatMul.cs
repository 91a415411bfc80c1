using QLora.Quantization;

namespace QLora.Tests.Backends.Cpu;

public sealed class MatMul() : MatMulTests(Devices.All)
{
    // Single-precision sums of up to 1200 products.
    private const double Tolerance = 1e-5;

    /// <summary>m, n, k: more than a block of rows, stretches of the inner index, left matrices that are packed, tiles that do not go round.</summary>
    [Theory]
    [InlineData(800, 49, 33)]
    [InlineData(70, 400, 512)]
    [InlineData(781, 385, 40)]
    [InlineData(65, 200, 1203)]
    [InlineData(530, 64, 577)]
    public void Beyond_the_blocks(int m, int n, int k) => AgreesWithReference(Tolerance, w =>
    {
        var (a, transposedA) = (w.Upload(Values.Normal(1, m, k)), w.Upload(Values.Normal(2, k, m)));
        var (b, transposedB) = (w.Upload(Values.Normal(3, k, n)), w.Upload(Values.Normal(4, n, k)));
        var (c, sum) = (w.Fresh(m, n), w.Upload(Values.Normal(5, m, n)));
        w.Backend.MatMul(a, transposedB, c, transposeB: true);
        w.Backend.MatMul(transposedA, b, sum, transposeA: true, alpha: 0.5f, beta: 2);
        return [c, sum];
    });
}

public sealed class MatMul4Bit() : MatMul4BitTests(Devices.All)
{
    // Single-precision sums of up to 1200 products.
    private const double Tolerance = 1e-5;

    /// <summary>m, out, in, block size: more than a block of rows, stretches of the inner index, left matrices that are packed, whole and broken blocks.</summary>
    [Theory]
    [InlineData(70, 400, 512, 64)]
    [InlineData(800, 96, 64, 32)]
    [InlineData(64, 160, 1184, 128)]
    [InlineData(20, 63, 590, 64)]
    public void Beyond_the_blocks(int m, int rows, int columns, int blockSize) => AgreesWithReference(Tolerance, w =>
    {
        var weight = w.Quantize(Values.Normal(1, rows, columns), QuantizationType.Nf4, blockSize, doubleQuantization: true);
        var (y, dx) = (w.Fresh(m, rows), w.Fresh(m, columns));
        w.Backend.MatMul4Bit(w.Upload(Values.Normal(2, m, columns)), weight, y, transposeW: true);
        w.Backend.MatMul4Bit(w.Upload(Values.Normal(3, m, rows)), weight, dx, transposeW: false);
        return [y, dx];
    });
}
