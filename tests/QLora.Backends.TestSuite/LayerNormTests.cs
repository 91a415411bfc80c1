namespace QLora.Tests.Backends;

/// <summary>LayerNorm and its backward.</summary>
public abstract class LayerNormTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // A sum and a sum of squares in single precision and a root: some 1e-7 each.
    private const double Tolerance = 2e-6;
    private const float Epsilon = 1e-5f;

    [Theory]
    [InlineData(1, 7)]
    [InlineData(3, 33)]
    [InlineData(5, 576)]
    [InlineData(130, 64)]
    public void Forward(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.FreshActivations(tokens, size);
        w.Backend.LayerNorm(w.UploadActivations(Values.Uniform(1, -1, 3, tokens, size)), w.Upload(Values.Normal(2, size)), w.Upload(Values.Normal(3, size)), y, Epsilon);
        return [y];
    });

    [Fact]
    public void Rows_of_one_are_the_bias() => AgreesWithReference(0, w =>
    {
        var (y, bias) = (w.FreshActivations(3, 1), w.Upload(Values.Normal(3, 1)));
        w.Backend.LayerNorm(w.UploadActivations(Values.Normal(1, 3, 1)), w.Upload(Values.Normal(2, 1)), bias, y, Epsilon);
        return [y];
    });

    [Fact]
    public void Forward_in_place() => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Normal(1, 5, 37));
        w.Backend.LayerNorm(x, w.Upload(Values.Normal(2, 37)), w.Upload(Values.Normal(3, 37)), x, Epsilon);
        return [x];
    });

    [Theory]
    [InlineData(1e-12f)]
    [InlineData(1e12f)]
    public void Forward_of_small_and_large_rows(float magnitude) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.FreshActivations(3, 50);
        w.Backend.LayerNorm(w.UploadActivations(Values.Normal(1, 3, 50).Times(magnitude)), w.Upload(Values.Normal(2, 50)), w.Upload(Values.Normal(3, 50)), y, Epsilon);
        return [y];
    });

    // The mean is a single of 1000, rounded to 3e-5 of the deviations around it; sums of squares that are not centred would be off by 1e-1.
    [Fact]
    public void A_large_mean_does_not_cancel() => AgreesWithReference(1e-4, w =>
    {
        var y = w.FreshActivations(3, 500);
        w.Backend.LayerNorm(w.UploadActivations(Values.Uniform(1, 998, 1002, 3, 500)), w.Upload(Values.Normal(2, 500)), w.Upload(Values.Normal(3, 500)), y, Epsilon);
        return [y];
    });

    [Theory]
    [InlineData(3, 33, true)]
    [InlineData(5, 576, false)]
    [InlineData(130, 70, true)]
    public void Backward(int tokens, int size, bool accumulate) => AgreesWithReference(10 * Tolerance, w =>
    {
        var dx = accumulate ? w.UploadActivations(Values.Normal(4, tokens, size)) : w.FreshActivations(tokens, size);
        var (dWeight, dBias) = (w.Upload(Values.Normal(5, size)), w.Upload(Values.Normal(6, size)));
        w.Backend.LayerNormBackward(w.UploadActivations(Values.Uniform(1, -1, 3, tokens, size)), w.Upload(Values.Normal(2, size)), w.UploadActivations(Values.Normal(3, tokens, size)),
            dx, dWeight, dBias, Epsilon, accumulate);
        return [dx, dWeight, dBias];
    });

    [Fact]
    public void Backward_over_its_own_gradient() => AgreesWithReference(10 * Tolerance, w =>
    {
        var dy = w.UploadActivations(Values.Normal(3, 5, 37));
        var (dWeight, dBias) = (w.Upload(Values.Normal(5, 37)), w.Upload(Values.Normal(6, 37)));
        w.Backend.LayerNormBackward(w.UploadActivations(Values.Normal(1, 5, 37)), w.Upload(Values.Normal(2, 37)), dy, dy, dWeight, dBias, Epsilon, accumulate: false);
        return [dy, dWeight, dBias];
    });

    [Fact]
    public void Backward_of_frozen_parameters_and_of_an_input_without_gradient() => AgreesWithReference(10 * Tolerance, w =>
    {
        var (dx, dWeight, dBias) = (w.FreshActivations(5, 37), w.Upload(Values.Normal(5, 37)), w.Upload(Values.Normal(6, 37)));
        var (x, weight, dy) = (w.UploadActivations(Values.Normal(1, 5, 37)), w.Upload(Values.Normal(2, 37)), w.UploadActivations(Values.Normal(3, 5, 37)));
        w.Backend.LayerNormBackward(x, weight, dy, dx, null, null, Epsilon, accumulate: false);
        w.Backend.LayerNormBackward(x, weight, dy, null, dWeight, null, Epsilon, accumulate: false);
        w.Backend.LayerNormBackward(x, weight, dy, null, null, dBias, Epsilon, accumulate: false);
        return [dx, dWeight, dBias];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 19), Values.Normal(2, 19), Values.Normal(3, 19)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(3, 19);
            w.Backend.LayerNorm(inputs[0], inputs[1], inputs[2], y, 0.1f);
            return y;
        },
        (w, inputs, dy) =>
        {
            var (dx, dWeight, dBias) = (w.FreshActivations(3, 19), w.Upload(Values.Normal(2, 19).Times(0)), w.Upload(Values.Normal(2, 19).Times(0)));
            w.Backend.LayerNormBackward(inputs[0], inputs[1], dy, dx, dWeight, dBias, 0.1f, accumulate: false);
            return [dx, dWeight, dBias];
        }, activations: 1);

    [Fact]
    public void Shapes()
    {
        Refuses("LayerNorm", "x", w => w.Backend.LayerNorm(w.Fresh(4), w.Fresh(4), w.Fresh(4), w.Fresh(4), Epsilon));
        Refuses("LayerNorm", "weight", w => w.Backend.LayerNorm(w.Fresh(2, 4), w.Fresh(3), w.Fresh(4), w.Fresh(2, 4), Epsilon));
        Refuses("LayerNorm", "bias", w => w.Backend.LayerNorm(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2), w.Fresh(2, 4), Epsilon));
        Refuses("LayerNorm", "y", w => w.Backend.LayerNorm(w.Fresh(2, 4), w.Fresh(4), w.Fresh(4), w.Fresh(3, 4), Epsilon));
        Refuses("LayerNormBackward", "dy", w => w.Backend.LayerNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 5), null, null, null, Epsilon, false));
        Refuses("LayerNormBackward", "dx", w => w.Backend.LayerNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 4), w.Fresh(8), null, null, Epsilon, false));
        Refuses("LayerNormBackward", "dWeight", w => w.Backend.LayerNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 4), null, w.Fresh(2), null, Epsilon, false));
        Refuses("LayerNormBackward", "dBias", w => w.Backend.LayerNormBackward(w.Fresh(2, 4), w.Fresh(4), w.Fresh(2, 4), null, null, w.Fresh(2), Epsilon, false));
    }
}
