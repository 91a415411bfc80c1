using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Rotary() : RotaryTests(Devices.All)
{
    [Fact]
    public void A_quarter_turn_of_the_first_pair() => OnEachDevice(backend =>
    {
        // Head of five, two angles: pairs are (0, 2) and (1, 3); the fifth element stays.
        var result = Run(backend, w =>
        {
            var x = w.Upload(Values.Of(new Shape(1, 1, 5), 1, 2, 3, 4, 5));
            w.Backend.Rotary(x, w.Upload(1), w.Upload(Values.Of(new Shape(2, 2), 9, 9, 0, 1)), w.Upload(Values.Of(new Shape(2, 2), 9, 9, 1, 0)), inverse: false);
            return [x];
        });
        Assert.Equal([-3f, 2f, 1f, 4f, 5f], result[0].Data);
    });
}
