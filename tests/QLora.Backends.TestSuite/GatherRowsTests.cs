namespace QLora.Tests.Backends;

/// <summary>GatherRows, whose gradient is ScatterAddRows.</summary>
public abstract class GatherRowsTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Copies are exact.
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(9, 5, 33)]
    [InlineData(200, 70, 576)]
    [InlineData(0, 4, 8)]
    public void Gathers(int count, int tokens, int size) => AgreesWithReference(0, w =>
    {
        var y = w.Fresh(count, size);
        w.Backend.GatherRows(w.Upload(Values.Normal(1, tokens, size)), w.Upload(Values.Indices(2, count, tokens)), y);
        return [y];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 4, 5)],
        (w, inputs) =>
        {
            var y = w.Fresh(6, 5);
            w.Backend.GatherRows(inputs[0], w.Upload(3, 0, 3, 1, 1, 3), y);
            return y;
        },
        (w, _, dy) =>
        {
            var dx = w.Upload(Values.Normal(1, 4, 5).Times(0));
            w.Backend.ScatterAddRows(dy, w.Upload(3, 0, 3, 1, 1, 3), dx);
            return [dx];
        });

    [Fact]
    public void Shapes()
    {
        Refuses("GatherRows", "x", w => w.Backend.GatherRows(w.Fresh(4), w.Upload(0), w.Fresh(1, 4)));
        Refuses("GatherRows", "rows", w => w.Backend.GatherRows(w.Fresh(2, 4), w.Upload(0, 1), w.Fresh(1, 4)));
        Refuses("GatherRows", "rows", w => w.Backend.GatherRows(w.Fresh(2, 4), w.Fresh(1), w.Fresh(1, 4)));
        Refuses("GatherRows", "y", w => w.Backend.GatherRows(w.Fresh(2, 4), w.Upload(0), w.Fresh(1, 5)));
    }
}
