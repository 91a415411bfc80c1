using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class Embedding() : EmbeddingTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        var result = Run(backend, w =>
        {
            var (y, half, dWeight) = (w.Fresh(3, 2), w.Fresh(3, 2), w.Upload(Values.Of(new Shape(2, 2), 100, 200, 300, 400)));
            var ids = w.Upload(1, 0, 1);
            w.Backend.Embedding(ids, w.Upload(Values.Of(new Shape(2, 2), 1, 2, 3, 4)), y);
            w.Backend.Embedding(ids, w.Upload<ushort>(new Shape(2, 2), DType.BFloat16, [0x3F80, 0xC000, 0x3E80, 0x7F80]), half);
            w.Backend.EmbeddingBackward(ids, w.Upload(Values.Of(new Shape(3, 2), 1, 2, 3, 4, 5, 6)), dWeight);
            return [y, half, dWeight];
        });
        Assert.Equal([3f, 4, 1, 2, 3, 4], result[0].Data);
        Assert.Equal([0.25f, float.PositiveInfinity, 1, -2, 0.25f, float.PositiveInfinity], result[1].Data);
        Assert.Equal([103f, 204, 306, 408], result[2].Data);
    });
}
