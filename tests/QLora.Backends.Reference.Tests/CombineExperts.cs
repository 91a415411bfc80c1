using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class CombineExperts() : CombineExpertsTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // Slot 3 is token 1's second choice, slot 0 token 0's first.
        var result = Run(backend, w =>
        {
            var (x, slots, weights) = (w.Upload(Values.Of(new Shape(2, 2), 1, 2, 3, 4)), w.Upload(3, 0), w.Upload(Values.Of(new Shape(2, 2), 10, 20, 30, 40)));
            var (y, dx, dWeights) = (w.Upload(Values.Of(new Shape(2, 2), 5, 6, 7, 8)), w.Fresh(2, 2), w.Upload(Values.Of(new Shape(2, 2), -1, -2, -3, -4)));
            w.Backend.CombineExperts(x, slots, weights, y);
            w.Backend.CombineExpertsBackward(x, slots, weights, w.Upload(Values.Of(new Shape(2, 2), 1, 0, 2, 1)), dx, dWeights);
            return [y, dx, dWeights];
        });
        Assert.Equal([35f, 46, 47, 88], result[0].Data);
        Assert.Equal([80f, 40, 10, 0], result[1].Data);
        Assert.Equal([3f, -2, -3, 4], result[2].Data);
    });
}
