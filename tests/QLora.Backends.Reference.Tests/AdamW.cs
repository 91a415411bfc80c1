using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class AdamW() : AdamWTests(Devices.All)
{
    [Fact]
    public void The_first_step_goes_by_the_learning_rate() => OnEachDevice(backend =>
    {
        // In step 1 both corrections undo the decays: m̂ = g and √v̂ = |g|, so p moves by lr · sign(g), after its decay.
        var result = Run(backend, w =>
        {
            var (parameter, first, second) = (w.Upload(Values.Of(new Shape(2), 2, -4)), w.Upload(Values.Of(new Shape(2), 0, 0)), w.Upload(Values.Of(new Shape(2), 0, 0)));
            w.Backend.AdamW(parameter, w.Upload(Values.Of(new Shape(2), 20, -60)), first, second, new AdamWStep(0.5, 0.75, 0.5, 0, 0.25, 1, 0.1f));
            return [parameter, first, second];
        });
        Close.Check("parameter", [2 * 0.875f - 0.5f, -4 * 0.875f + 0.5f], result[0].Data, 1e-6);
        Close.Check("first moment", [0.5f, -1.5f], result[1].Data, 1e-6);
        Close.Check("second moment", [2, 18], result[2].Data, 1e-6);
    });
}
