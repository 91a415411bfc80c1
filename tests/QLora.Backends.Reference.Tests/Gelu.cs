using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Gelu() : GeluTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // gelu(z) − gelu(−z) = z; far out it is z or nothing, with a slope of 1 or 0; gelu(1) is 0.841192.
        var result = Run(backend, w =>
        {
            var (y, dx) = (w.Fresh(5), w.Fresh(2));
            w.Backend.Gelu(w.Upload(Values.Of(new Shape(5), 0.5f, -0.5f, 1, 30, -30)), y);
            w.Backend.GeluBackward(w.Upload(Values.Of(new Shape(2), 0, 30)), w.Upload(Values.Of(new Shape(2), 3, 3)), dx);
            return [y, dx];
        });
        var y = result[0].Data;
        Assert.Equal(0.5f, y[0] - y[1], 1e-7f);
        Assert.Equal(0.841192f, y[2], 1e-6f);
        Assert.Equal([30f, 0], y[3..]);
        Assert.Equal([1.5f, 3], result[1].Data);
    });
}
