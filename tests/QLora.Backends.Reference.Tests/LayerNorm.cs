using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class LayerNorm() : LayerNormTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // Mean 5, deviations −2 and 2; the root of 4 + 12 is 4.
        var result = Run(backend, w =>
        {
            var y = w.Fresh(1, 2);
            w.Backend.LayerNorm(w.Upload(Values.Of(new Shape(1, 2), 3, 7)), w.Upload(Values.Of(new Shape(2), 2, 4)), w.Upload(Values.Of(new Shape(2), 10, 20)), y, 12);
            return [y];
        });
        Assert.Equal([9f, 22f], result[0].Data);
    });
}
