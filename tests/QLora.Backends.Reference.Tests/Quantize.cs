using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Quantize() : QuantizeTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // NF4 has the codes 0, 7 and 15 for −1, 0 and 1.
        var result = Run(backend, w =>
        {
            var quantized = w.Quantize(Values.Of(new Shape(2, 2), -2, 2, 0, 3), QuantizationType.Nf4, 2, doubleQuantization: false);
            return [quantized.Codes, quantized.AbsMax];
        });
        Assert.Equal([0x0F, 0x7F], result[0].Data);
        Assert.Equal([2f, 3f], result[1].Data);
    });
}
