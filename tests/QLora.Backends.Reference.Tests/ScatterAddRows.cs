using QLora.Tensors;

namespace QLora.Tests.Backends.Reference;

public sealed class ScatterAddRows() : ScatterAddRowsTests(Devices.All)
{
    [Fact]
    public void By_hand() => OnEachDevice(backend =>
    {
        var result = Run(backend, w =>
        {
            var y = w.Upload(Values.Of(new Shape(2, 2), 100, 200, 300, 400));
            w.Backend.ScatterAddRows(w.Upload(Values.Of(new Shape(3, 2), 1, 2, 3, 4, 5, 6)), w.Upload(1, 0, 1), y);
            return [y];
        });
        Assert.Equal([103f, 204, 306, 408], result[0].Data);
    });
}
