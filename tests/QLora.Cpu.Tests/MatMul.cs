using QLora.Cpu;
using QLora.Cpu.MachineCode;
using QLora.Quantization;

namespace QLora.Tests.Backends.Cpu;

public sealed class MatMul() : MatMulTests(Devices.WithAndWithoutMachineCode)
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

    /// <summary>The same in BFloat16: results that stretches of the inner index add up to, and narrow ones that are made the other way round.</summary>
    [Theory]
    [InlineData(800, 49, 33)]
    [InlineData(70, 400, 512)]
    [InlineData(781, 385, 40)]
    [InlineData(65, 200, 1203)]
    [InlineData(530, 16, 577)]
    [InlineData(300, 30, 1301)]
    [InlineData(26, 50, 4101)]
    [InlineData(250, 10, 2223)]
    [InlineData(545, 3, 2115)]
    public void Beyond_the_blocks_in_BFloat16(int m, int n, int k) => AgreesWithReference(1.0 / 256 + Tolerance, w =>
    {
        var (a, transposedA) = (w.UploadBFloat16(Values.Normal(1, m, k)), w.UploadBFloat16(Values.Normal(2, k, m)));
        var (b, transposedB) = (w.Upload(Values.Normal(3, k, n).Rounded()), w.Upload(Values.Normal(4, n, k).Rounded()));
        var (c, sum) = (w.FreshBFloat16(m, n), w.UploadBFloat16(Values.Normal(5, m, n)));
        w.Backend.MatMul(a, transposedB, c, transposeB: true);
        w.Backend.MatMul(transposedA, b, sum, transposeA: true, alpha: 0.5f, beta: 2);
        return [c, sum];
    });
}

public sealed class MatMul4Bit() : MatMul4BitTests(Devices.WithAndWithoutMachineCode)
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

    /// <summary>The rounded weight is what machine code multiplies with; nothing else is lost there.</summary>
    [Theory]
    [InlineData(9, 33, 70, 64)]
    [InlineData(70, 400, 512, 64)]
    [InlineData(64, 160, 1184, 128)]
    public void In_machine_code_it_is_the_product_with_the_rounded_weight(int m, int rows, int columns, int blockSize)
    {
        if (!PairInstructions.IsInProcessor) return;
        using var backend = new CpuBackend(2, VectorWidth.Vector512, machineCode: true);
        var results = Run(backend, w =>
        {
            var weight = w.Quantize(Values.Normal(1, rows, columns), QuantizationType.Nf4, blockSize, doubleQuantization: true);
            var (dense, y, dx, product, gradient) = (w.Fresh(rows, columns), w.Fresh(m, rows), w.Fresh(m, columns), w.Fresh(m, rows), w.Fresh(m, columns));
            var (x, dy) = (Values.Normal(2, m, columns).Rounded(), Values.Normal(3, m, rows).Rounded());
            w.Backend.MatMul4Bit(w.UploadBFloat16(x), weight, y, transposeW: true);
            w.Backend.MatMul4Bit(w.UploadBFloat16(dy), weight, dx, transposeW: false);
            w.Backend.Dequantize(weight, dense);
            var rounded = w.Upload(w.Read(dense).Rounded());
            w.Backend.MatMul(w.Upload(x), rounded, product, transposeB: true);
            w.Backend.MatMul(w.Upload(dy), rounded, gradient);
            return [y, dx, product, gradient];
        });
        Close.Check("y", results[2].Data, results[0].Data, Tolerance);
        Close.Check("dx", results[3].Data, results[1].Data, Tolerance);
    }

    /// <summary>The same in BFloat16; the tolerance is that of weights and results which are both rounded.</summary>
    [Theory]
    [InlineData(70, 400, 512, 64)]
    [InlineData(800, 96, 64, 32)]
    [InlineData(64, 160, 1184, 128)]
    [InlineData(20, 63, 590, 64)]
    public void Beyond_the_blocks_in_BFloat16(int m, int rows, int columns, int blockSize) => AgreesWithReference(0.007 + 1.0 / 512, w =>
    {
        var weight = w.Quantize(Values.Normal(1, rows, columns), QuantizationType.Nf4, blockSize, doubleQuantization: true);
        var (y, dx) = (w.FreshBFloat16(m, rows), w.FreshBFloat16(m, columns));
        w.Backend.MatMul4Bit(w.UploadBFloat16(Values.Normal(2, m, columns)), weight, y, transposeW: true);
        w.Backend.MatMul4Bit(w.UploadBFloat16(Values.Normal(3, m, rows)), weight, dx, transposeW: false);
        return [y, dx];
    });
}
