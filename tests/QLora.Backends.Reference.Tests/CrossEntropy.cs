using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class CrossEntropy() : CrossEntropyTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        // e^logits = 1, 2, 5: probabilities 1/8, 1/4, 5/8.
        var result = Run(backend, w =>
        {
            var (logits, losses) = (w.Upload(Values.Of(new Shape(1, 3), 0, MathF.Log(2), MathF.Log(5))), w.Fresh(1));
            w.Backend.CrossEntropy(logits, w.Upload(1), losses, 4);
            return [losses, logits];
        });
        Close.Check("loss", [MathF.Log(4)], result[0].Data, 1e-7);
        Close.Check("gradient", [0.5f, -3f, 2.5f], result[1].Data, 1e-7);
    });
}
