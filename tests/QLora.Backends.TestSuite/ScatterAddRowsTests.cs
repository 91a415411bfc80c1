namespace QLora.Tests.Backends;

/// <summary>ScatterAddRows, whose gradient is GatherRows.</summary>
public abstract class ScatterAddRowsTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // The same single-precision sums in the same order.
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(50, 5, 33)]
    [InlineData(200, 300, 128)]
    [InlineData(0, 4, 8)]
    public void Adds_in_the_order_of_the_rows(int count, int tokens, int size) => AgreesWithReference(0, w =>
    {
        var y = w.Upload(Values.Normal(3, tokens, size));
        w.Backend.ScatterAddRows(w.Upload(Values.Normal(1, count, size)), w.Upload(Values.Indices(2, count, tokens)), y);
        return [y];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 6, 5)],
        (w, inputs) =>
        {
            var y = w.Upload(Values.Normal(2, 4, 5));
            w.Backend.ScatterAddRows(inputs[0], w.Upload(3, 0, 3, 1, 1, 3), y);
            return y;
        },
        (w, _, dy) =>
        {
            var dx = w.Fresh(6, 5);
            w.Backend.GatherRows(dy, w.Upload(3, 0, 3, 1, 1, 3), dx);
            return [dx];
        });

    [Fact]
    public void Shapes()
    {
        Refuses("ScatterAddRows", "x", w => w.Backend.ScatterAddRows(w.Fresh(4), w.Upload(0), w.Fresh(1, 4)));
        Refuses("ScatterAddRows", "rows", w => w.Backend.ScatterAddRows(w.Fresh(1, 4), w.Upload(0, 1), w.Fresh(2, 4)));
        Refuses("ScatterAddRows", "rows", w => w.Backend.ScatterAddRows(w.Fresh(1, 4), w.Fresh(1), w.Fresh(2, 4)));
        Refuses("ScatterAddRows", "y", w => w.Backend.ScatterAddRows(w.Fresh(1, 4), w.Upload(0), w.Fresh(2, 5)));
    }
}
