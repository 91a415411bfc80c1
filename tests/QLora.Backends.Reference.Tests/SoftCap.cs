using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class SoftCap() : SoftCapTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // tanh(ln 2) = (4 − 1) / (4 + 1), with the slope 1 − 9/25.
        var result = Run(backend, w =>
        {
            var (x, dx) = (w.Upload(Values.Of(new Shape(3), 10 * MathF.Log(2), -10 * MathF.Log(2), 1e6f)), w.Upload(Values.Of(new Shape(3), 25, 50, 3)));
            w.Backend.SoftCap(x, 10);
            w.Backend.SoftCapBackward(x, dx, 10);
            return [x, dx];
        });
        Close.Check("x", [6, -6, 10], result[0].Data, 1e-7);
        Close.Check("dx", [16, 32, 0], result[1].Data, 1e-6);
    });
}
