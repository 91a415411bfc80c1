using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class GatherRows() : GatherRowsTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        var result = Run(backend, w =>
        {
            var y = w.Fresh(3, 2);
            w.Backend.GatherRows(w.Upload(Values.Of(new Shape(2, 2), 1, 2, 3, 4)), w.Upload(1, 0, 1), y);
            return [y];
        });
        Assert.Equal([3f, 4, 1, 2, 3, 4], result[0].Data);
    });
}
