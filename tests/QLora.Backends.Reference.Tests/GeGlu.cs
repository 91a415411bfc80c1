using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class GeGlu() : GeGluTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // gelu(1) = 0.841192 and gelu(−2) = −0.0454023, from a calculator.
        var result = Run(backend, w =>
        {
            var y = w.Fresh(1, 3);
            w.Backend.GeGlu(w.Upload(Values.Of(new Shape(1, 3), 0, 1, -2)), w.Upload(Values.Of(new Shape(1, 3), 5, 2, 10)), y);
            return [y];
        });
        Close.Check("y", [0, 1.682384f, -0.454023f], result[0].Data, 1e-6);
    });
}
