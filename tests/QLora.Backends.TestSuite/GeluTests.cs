using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Gelu and its backward.</summary>
public abstract class GeluTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // An exponential of about 1e-7 times its argument, which is up to some 10 where it matters, a division and some products.
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(1)]
    [InlineData(17)]
    [InlineData(70003)]
    public void Forward_and_backward(int count) => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Normal(1, count).Times(3));
        var (y, dx) = (w.FreshActivations(count), w.FreshActivations(count));
        w.Backend.Gelu(x, y);
        w.Backend.GeluBackward(x, w.UploadActivations(Values.Normal(2, count)), dx);
        return [y, dx];
    });

    [Fact]
    public void Large_inputs_neither_overflow_nor_become_NaN() => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Of(new Shape(11), -1e30f, -1e4f, -200, -10.5f, -10, 0, 10, 10.5f, 200, 1e4f, 1e30f));
        var (y, dx) = (w.FreshActivations(11), w.FreshActivations(11));
        w.Backend.Gelu(x, y);
        w.Backend.GeluBackward(x, w.UploadActivations(Values.Normal(2, 11)), dx);
        return [y, dx];
    });

    [Fact]
    public void In_place() => AgreesWithReference(Tolerance, w =>
    {
        var (x, input, dy) = (w.UploadActivations(Values.Normal(1, 5, 37)), w.UploadActivations(Values.Normal(2, 5, 37)), w.UploadActivations(Values.Normal(3, 5, 37)));
        w.Backend.GeluBackward(input, dy, dy);
        w.Backend.GeluBackward(input, x, input);
        w.Backend.Gelu(x, x);
        return [x, input, dy];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 17)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(3, 17);
            w.Backend.Gelu(inputs[0], y);
            return y;
        },
        (w, inputs, dy) =>
        {
            var dx = w.FreshActivations(3, 17);
            w.Backend.GeluBackward(inputs[0], dy, dx);
            return [dx];
        });

    [Fact]
    public void Shapes()
    {
        Refuses("Gelu", "x", w => w.Backend.Gelu(w.Upload(1), w.Fresh(1)));
        Refuses("Gelu", "y", w => w.Backend.Gelu(w.Fresh(4), w.Fresh(2, 2)));
        Refuses("GeluBackward", "x", w => w.Backend.GeluBackward(w.Upload(1), w.Fresh(1), w.Fresh(1)));
        Refuses("GeluBackward", "dy", w => w.Backend.GeluBackward(w.Fresh(4), w.Fresh(5), w.Fresh(4)));
        Refuses("GeluBackward", "dx", w => w.Backend.GeluBackward(w.Fresh(4), w.Fresh(4), w.Fresh(1, 4)));
    }
}
