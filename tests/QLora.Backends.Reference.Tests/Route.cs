using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Route() : RouteTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // Exponentials 1, 4, 1, 2: probabilities 1/8, 1/2, 1/8, 1/4; of the equal first and third the first is taken.
        var result = Run(backend, w =>
        {
            var logits = w.Upload(Values.Of(new Shape(1, 4), 0, MathF.Log(4), 0, MathF.Log(2)));
            var (experts, plain, normalized, dPlain, dNormalized) = (w.FreshIndices(1, 3), w.Fresh(1, 3), w.Fresh(1, 3), w.Fresh(1, 4), w.Fresh(1, 4));
            w.Backend.Route(logits, experts, plain, normalize: false);
            w.Backend.Route(logits, experts, normalized, normalize: true);
            var dWeights = w.Upload(Values.Of(new Shape(1, 3), 7, 0, 0));
            w.Backend.RouteBackward(logits, experts, dWeights, dPlain, normalize: false);
            w.Backend.RouteBackward(logits, experts, dWeights, dNormalized, normalize: true);
            return [experts, plain, normalized, dPlain, dNormalized];
        });
        Assert.Equal([1f, 3, 0], result[0].Data);
        Close.Check("weights", [1 / 2f, 1 / 4f, 1 / 8f], result[1].Data, 1e-7);
        Close.Check("normalized weights", [4 / 7f, 2 / 7f, 1 / 7f], result[2].Data, 1e-7);

        // s is 7/2 and 4.
        Close.Check("gradient", [-7 / 16f, 7 / 4f, -7 / 16f, -7 / 8f], result[3].Data, 1e-7);
        Close.Check("gradient of normalized weights", [-4 / 7f, 12 / 7f, 0, -8 / 7f], result[4].Data, 1e-7);
    });
}
