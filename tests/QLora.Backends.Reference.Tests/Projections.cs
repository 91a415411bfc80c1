using QLora.Backends;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Projections() : ProjectionsTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // −1, 0 and 1 times the scale of a block are exact in NF4. The first layer's adapter adds 0.5 · (10 + 20) · (2, −1).
        var result = Run(backend, w =>
        {
            var weight = w.Quantize(Values.Of(new Shape(2, 2), 2, -2, 0, 3), QuantizationType.Nf4, 2, doubleQuantization: false);
            var adapter = new LowRankAdapter(w.Upload(Values.Of(new Shape(1, 2), 1, 1)), w.Upload(Values.Of(new Shape(2, 1), 2, -1)), Scaling: 0.5f);
            var (y0, y1) = (w.Fresh(1, 2), w.Fresh(1, 2));
            w.Backend.Projections(w.Upload(Values.Of(new Shape(1, 2), 10, 20)), [new(weight, y0, adapter), new(weight, y1, null)]);
            return [y0, y1];
        });
        Assert.Equal([10f, 45f], result[0].Data);
        Assert.Equal([-20f, 60f], result[1].Data);
    });
}
