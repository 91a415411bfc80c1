using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Elementwise() : ElementwiseTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        var result = Run(backend, w =>
        {
            var (y, dBias) = (w.Upload(Values.Of(new Shape(2, 2), 1, 2, 3, 4)), w.Upload(Values.Of(new Shape(2), 1000, 2000)));
            w.Backend.Add(w.Upload(Values.Of(new Shape(2, 2), 10, 20, 30, 40)), y, 0.5f);
            w.Backend.AddBias(w.Upload(Values.Of(new Shape(2), 100, 200)), y);
            w.Backend.AddBiasBackward(y, dBias);
            w.Backend.Scale(dBias, 0.5f);
            return [y, dBias];
        });
        Assert.Equal([106f, 212, 118, 224], result[0].Data);
        Assert.Equal([612f, 1218], result[1].Data);
    });
}
