using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class RmsNorm() : RmsNormTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // The root of mean(9, 16) + 3.5 is 4.
        var result = Run(backend, w =>
        {
            var y = w.Fresh(1, 2);
            w.Backend.RmsNorm(w.Upload(Values.Of(new Shape(1, 2), 3, 4)), w.Upload(Values.Of(new Shape(2), 2, -1)), y, 3.5f);
            return [y];
        });
        Assert.Equal([1.5f, -1f], result[0].Data);
    });
}
