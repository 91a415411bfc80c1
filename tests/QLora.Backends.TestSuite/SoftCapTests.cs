using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>SoftCap and its backward.</summary>
public abstract class SoftCapTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // A hyperbolic tangent of some 2e-7, a division and a product.
    private const double Tolerance = 5e-7;

    [Theory]
    [InlineData(1, 30)]
    [InlineData(17, 2)]
    [InlineData(70003, 0.5f)]
    public void Forward(int count, float cap) => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Normal(1, count));
        w.Backend.SoftCap(x, cap);
        return [x];
    });

    [Fact]
    public void Small_and_large_inputs() => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Of(new Shape(9), -1e30f, -1e4f, -20, 0, 1, 20, 1e4f, 1e30f, float.PositiveInfinity));
        var small = w.UploadActivations(Values.Normal(1, 33).Times(1e-20f));
        w.Backend.SoftCap(x, 30);
        w.Backend.SoftCap(small, 30);
        return [x, small];
    });

    [Theory]
    [InlineData(1, 30)]
    [InlineData(17, 2)]
    [InlineData(70003, 0.5f)]
    public void Backward(int count, float cap) => AgreesWithReference(Tolerance, w =>
    {
        var dx = w.UploadActivations(Values.Normal(2, count));
        w.Backend.SoftCapBackward(w.UploadActivations(Values.Uniform(1, -cap, cap, count)), dx, cap);
        return [dx];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 17)],
        (w, inputs) =>
        {
            w.Backend.SoftCap(inputs[0], 2);
            return inputs[0];
        },
        (w, inputs, dy) =>
        {
            w.Backend.SoftCap(inputs[0], 2);
            w.Backend.SoftCapBackward(inputs[0], dy, 2);
            return [dy];
        });

    [Fact]
    public void Shapes()
    {
        Refuses("SoftCap", "x", w => w.Backend.SoftCap(w.Upload(1), 1));
        Refuses("SoftCap", "cap", w => w.Backend.SoftCap(w.Fresh(1), 0));
        Refuses("SoftCapBackward", "y", w => w.Backend.SoftCapBackward(w.Upload(1), w.Fresh(1), 1));
        Refuses("SoftCapBackward", "dx", w => w.Backend.SoftCapBackward(w.Fresh(4), w.Fresh(2, 2), 1));
        Refuses("SoftCapBackward", "cap", w => w.Backend.SoftCapBackward(w.Fresh(4), w.Fresh(4), -1));
    }
}
