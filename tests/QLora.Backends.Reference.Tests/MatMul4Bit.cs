using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class MatMul4Bit() : MatMul4BitTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // −1, 0 and 1 times the scale of a block are exact in NF4.
        var result = Run(backend, w =>
        {
            var weight = w.Quantize(Values.Of(new Shape(2, 2), 2, -2, 0, 3), QuantizationType.Nf4, 2, doubleQuantization: false);
            var (y, dx) = (w.Fresh(1, 2), w.Upload(Values.Of(new Shape(1, 2), 100, 200)));
            w.Backend.MatMul4Bit(w.Upload(Values.Of(new Shape(1, 2), 10, 20)), weight, y, transposeW: true);
            w.Backend.MatMul4Bit(w.Upload(Values.Of(new Shape(1, 2), 10, 20)), weight, dx, transposeW: false, beta: 2);
            return [y, dx];
        });
        Assert.Equal([-20f, 60f], result[0].Data);
        Assert.Equal([220f, 440f], result[1].Data);
    });
}
