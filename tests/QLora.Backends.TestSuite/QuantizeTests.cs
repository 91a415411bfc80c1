using QLora.Quantization;

namespace QLora.Tests.Backends;

/// <summary>
/// Quantize and Dequantize. That the reference does what bitsandbytes does is tested where it is written; here every backend must give its very
/// bits.
/// </summary>
public abstract class QuantizeTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Codes, scales and values, bit for bit.
    private const double Tolerance = 0;

    /// <summary>
    /// Type, rows, columns, block size, double quantisation: whole blocks, a short last one, blocks that cross rows, an odd number of codes, more
    /// than 256 scales.
    /// </summary>
    public static TheoryData<QuantizationType, int, int, int, bool> Cases => new()
    {
        { QuantizationType.Nf4, 1, 1, 64, false },
        { QuantizationType.Nf4, 3, 64, 64, true },
        { QuantizationType.Nf4, 5, 33, 16, true },
        { QuantizationType.Nf4, 7, 9, 4096, false },
        { QuantizationType.Nf4, 130, 260, 64, true },
        { QuantizationType.Fp4, 5, 33, 2, false },
        { QuantizationType.Fp4, 96, 64, 128, true },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Codes_scales_and_values(QuantizationType type, int rows, int columns, int blockSize, bool doubleQuantization) => AgreesWithReference(Tolerance, w =>
    {
        var quantized = w.Quantize(Values.Normal(1, rows, columns), type, blockSize, doubleQuantization);
        var y = w.Fresh(rows, columns);
        w.Backend.Dequantize(quantized, y);
        return quantized.Nested is { } nested ? [quantized.Codes, quantized.AbsMax, nested.Code, nested.AbsMax, y] : [quantized.Codes, quantized.AbsMax, y];
    });

    [Fact]
    public void A_block_of_zeros_stays_zero() => AgreesWithReference(Tolerance, w =>
    {
        var weight = Values.Normal(1, 4, 64);
        weight.Data.AsSpan(64, 64).Clear();
        var y = w.Fresh(4, 64);
        w.Backend.Dequantize(w.Quantize(weight, QuantizationType.Nf4, 64, doubleQuantization: false), y);
        return [y];
    });

    [Fact]
    public void Shapes()
    {
        Refuses("Quantize", "weight", w => w.Backend.Quantize(w.Fresh(4), QuantizationType.Nf4, 64, false));
        Refuses("Quantize", "block size 3", w => w.Backend.Quantize(w.Fresh(4, 4), QuantizationType.Nf4, 3, false));
        Refuses("Dequantize", "y", w => w.Backend.Dequantize(w.Quantize(Values.Normal(1, 4, 4), QuantizationType.Nf4, 64, false), w.Fresh(4, 5)));
    }
}
