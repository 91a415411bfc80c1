using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class SwiGlu() : SwiGluTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // silu(0) = 0, silu(ln 3) = ln 3 · 3/4, silu(−ln 3) = −ln 3 / 4.
        var ln3 = MathF.Log(3);
        var result = Run(backend, w =>
        {
            var y = w.Fresh(1, 3);
            w.Backend.SwiGlu(w.Upload(Values.Of(new Shape(1, 3), 0, ln3, -ln3)), w.Upload(Values.Of(new Shape(1, 3), 5, 4, 4)), y);
            return [y];
        });
        Close.Check("y", [0, 3 * ln3, -ln3], result[0].Data, 1e-7);
    });
}
