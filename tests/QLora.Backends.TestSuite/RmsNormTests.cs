namespace QLora.Tests.Backends;

/// <summary>RmsNorm and its backward.</summary>
public abstract class RmsNormTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // A sum of squares in single precision and a root: some 1e-7 each.
    private const double Tolerance = 2e-6;
    private const float Epsilon = 1e-5f;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 7)]
    [InlineData(3, 33)]
    [InlineData(5, 576)]
    [InlineData(130, 64)]
    public void Forward(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.FreshActivations(tokens, size);
        w.Backend.RmsNorm(w.UploadActivations(Values.Normal(1, tokens, size)), w.Upload(Values.Normal(2, size)), y, Epsilon);
        return [y];
    });

    [Fact]
    public void Forward_in_place() => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Normal(1, 5, 37));
        w.Backend.RmsNorm(x, w.Upload(Values.Normal(2, 37)), x, Epsilon);
        return [x];
    });

    [Theory]
    [InlineData(1e-12f)]
    [InlineData(1e12f)]
    public void Forward_of_small_and_large_rows(float magnitude) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.FreshActivations(3, 50);
        w.Backend.RmsNorm(w.UploadActivations(Values.Normal(1, 3, 50).Times(magnitude)), w.Upload(Values.Normal(2, 50)), y, Epsilon);
        return [y];
    });

    [Theory]
    [InlineData(3, 33, true)]
    [InlineData(5, 576, false)]
    [InlineData(130, 70, true)]
    public void Backward(int tokens, int size, bool accumulate) => AgreesWithReference(10 * Tolerance, w =>
    {
        var dx = accumulate ? w.UploadActivations(Values.Normal(4, tokens, size)) : w.FreshActivations(tokens, size);
        var dWeight = w.Upload(Values.Normal(5, size));
        w.Backend.RmsNormBackward(w.UploadActivations(Values.Normal(1, tokens, size)), w.Upload(Values.Normal(2, size)), w.UploadActivations(Values.Normal(3, tokens, size)),
            dx, dWeight, Epsilon, accumulate);
        return [dx, dWeight];
    });

    [Fact]
    public void Backward_of_rows_of_one() => AgreesWithReference(10 * Tolerance, w =>
    {
        // Only the sign of the input is left by the norm: the two terms of the gradient cancel but for epsilon.
        var dx = w.FreshActivations(3, 1);
        w.Backend.RmsNormBackward(w.UploadActivations(Values.Normal(1, 3, 1)), w.Upload(Values.Normal(2, 1)), w.UploadActivations(Values.Normal(3, 3, 1)), dx, null, Epsilon, false);
        return [dx];
    }, terms: 1);

    [Fact]
    public void Backward_over_its_own_gradient() => AgreesWithReference(10 * Tolerance, w =>
    {
        var dy = w.UploadActivations(Values.Normal(3, 5, 37));
        var dWeight = w.Upload(Values.Normal(5, 37));
        w.Backend.RmsNormBackward(w.UploadActivations(Values.Normal(1, 5, 37)), w.Upload(Values.Normal(2, 37)), dy, dy, dWeight, Epsilon, accumulate: false);
        return [dy, dWeight];
    });

    [Fact]
    public void Backward_of_a_frozen_weight_and_of_an_input_without_gradient() => AgreesWithReference(10 * Tolerance, w =>
    {
        var (dx, dWeight) = (w.FreshActivations(5, 37), w.Upload(Values.Normal(5, 37)));
        var (x, weight, dy) = (w.UploadActivations(Values.Normal(1, 5, 37)), w.Upload(Values.Normal(2, 37)), w.UploadActivations(Values.Normal(3, 5, 37)));
        w.Backend.RmsNormBackward(x, weight, dy, dx, null, Epsilon, accumulate: false);
        w.Backend.RmsNormBackward(x, weight, dy, null, dWeight, Epsilon, accumulate: false);
        return [dx, dWeight];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 19), Values.Normal(2, 19)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(3, 19);
            w.Backend.RmsNorm(inputs[0], inputs[1], y, 0.1f);
            return y;
        },
        (w, inputs, dy) =>
        {
            var (dx, dWeight) = (w.FreshActivations(3, 19), w.Upload(Values.Normal(2, 19).Times(0)));
            w.Backend.RmsNormBackward(inputs[0], inputs[1], dy, dx, dWeight, 0.1f, accumulate: false);
            return [dx, dWeight];
        }, activations: 1);

    [Fact]
    public void Shapes()
    {
        Refuses("RmsNorm", "x", w => w.Backend.RmsNorm(w.Fresh(4), w.Fresh(4), w.Fresh(4), Epsilon));
        Refuses("RmsNorm", "weight", w => w.Backend.RmsNorm(w.Fresh(2, 4), w.Fresh(3), w.Fresh(2, 4), Epsilon));
        Refuses("RmsNorm", "y", w => w.Backend.RmsNorm(w.Fresh(2, 4), w.Fresh(4), w.Fresh(3, 4), Epsilon));
        Refuses("RmsNormBackward", "dy", w => w.Backend.RmsNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 5), null, null, Epsilon, false));
        Refuses("RmsNormBackward", "dx", w => w.Backend.RmsNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 4), w.Fresh(8), null, Epsilon, false));
        Refuses("RmsNormBackward", "dWeight", w => w.Backend.RmsNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 4), null, w.Fresh(2), Epsilon, false));
    }
}
