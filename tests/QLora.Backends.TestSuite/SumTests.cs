using QLora.Tensors;
using QLora.Testing;

namespace QLora.Tests.Backends;

/// <summary>Sum and SumOfSquares.</summary>
public abstract class SumTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(200_003)]
    public void What_is_added_to_one_accumulator_adds_up(int count) => OnEachDevice(backend =>
    {
        var values = Values.Normal(1, count);
        using var w = new Workspace(backend);
        var x = w.Upload(values);
        using var sums = backend.NewSums();
        backend.Sum(x, sums);
        backend.Sum(x, sums);
        Assert.Equal(2 * values.Data.Sum(value => (double)value), backend.Total(sums), 1e-9 * count);
        backend.SumOfSquares(x, sums);
        var (plain, squares) = (values.Data.Sum(value => (double)value), values.Data.Sum(value => (double)value * value));
        Assert.Equal(2 * plain + squares, backend.Total(sums), 1e-7 * squares);
    });

    [Fact]
    public void Two_accumulators_are_read_at_once() => OnEachDevice(backend =>
    {
        using var w = new Workspace(backend);
        var x = w.Upload(Values.Normal(1, 3) with { Data = [1, 2, -4] });
        using var both = backend.AllocateZeros(new Shape(2, QLora.Backends.Backend.SumParts), DType.Float64);
        backend.Sum(x, both.Row(0));
        backend.SumOfSquares(x, both.Row(1));
        Assert.Equal((-1, 21), backend.Totals(both));
    });

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(200_003)]
    public void SumOfSquares(int count) => OnEachDevice(backend =>
    {
        var values = Values.Normal(1, count).Times(1e3f);
        using var w = new Workspace(backend);
        var x = w.Upload(values);
        var expected = values.Data.Sum(value => (double)value * value);
        Assert.Equal(expected, backend.SumOfSquares(x), 1e-7 * expected);
        Assert.Equal(backend.SumOfSquares(x), backend.SumOfSquares(x));
    });

    [Fact]
    public void SumOfSquares_neither_overflows_nor_hides_what_is_not_finite() => OnEachDevice(backend =>
    {
        using var w = new Workspace(backend);
        var large = Values.Normal(1, 50);
        Array.Fill(large.Data, 1e30f);
        Assert.Equal(50 * 1e60, backend.SumOfSquares(w.Upload(large)), 1e55);
        large.Data[33] = float.NaN;
        Assert.Equal(double.NaN, backend.SumOfSquares(w.Upload(large)));
        large.Data[33] = float.NegativeInfinity;
        Assert.Equal(double.PositiveInfinity, backend.SumOfSquares(w.Upload(large)));
    });

    [Fact]
    public void Shapes()
    {
        Refuses("SumOfSquares", "x", w => w.Backend.SumOfSquares(w.Upload(1)));
        Refuses("SumOfSquares", "sums", w => w.Backend.SumOfSquares(w.Fresh(4), w.Fresh(4)));
        Refuses("Sum", "sums", w => w.Backend.Sum(w.Fresh(4), w.Fresh(4)));
    }
}
