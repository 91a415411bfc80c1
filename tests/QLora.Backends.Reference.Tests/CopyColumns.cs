using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class CopyColumns() : CopyColumnsTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        var result = Run(backend, w =>
        {
            var destination = w.Upload(Values.Of(new Shape(2, 3), 10, 20, 30, 40, 50, 60));
            w.Backend.CopyColumns(w.Upload(Values.Of(new Shape(2, 4), 1, 2, 3, 4, 5, 6, 7, 8)), 2, destination, 0, 2);
            return [destination];
        });
        Assert.Equal([3f, 4, 30, 7, 8, 60], result[0].Data);
    });
}
