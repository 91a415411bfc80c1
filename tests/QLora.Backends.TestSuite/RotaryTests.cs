using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Rotary.</summary>
public abstract class RotaryTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Two products and a sum: one or two roundings of 6e-8.
    private const double Tolerance = 5e-7;

    [Theory]
    [InlineData(1, 1, 2, 1, false)]
    [InlineData(5, 3, 64, 32, false)]
    [InlineData(5, 3, 64, 32, true)]
    [InlineData(4, 2, 20, 10, false)]
    [InlineData(7, 2, 80, 16, true)] // partial
    [InlineData(3, 2, 15, 3, false)] // partial, odd
    [InlineData(150, 9, 64, 32, false)]
    public void Forward(int tokens, int heads, int headSize, int half, bool inverse) => AgreesWithReference(Tolerance, w =>
    {
        var x = w.UploadActivations(Values.Normal(1, tokens, heads, headSize));
        var (cos, sin) = Tables(w, 40, half);
        w.Backend.Rotary(x, w.Upload(Values.Indices(2, tokens, 40)), cos, sin, inverse);
        return [x];
    });

    [Fact]
    public void The_inverse_undoes_it() => OnEachDevice(backend =>
    {
        var original = Values.Normal(1, 6, 3, 20);
        var result = Run(backend, w =>
        {
            var x = w.UploadActivations(original);
            var positions = w.Upload(Values.Indices(2, 6, 40));
            var (cos, sin) = Tables(w, 40, 8);
            w.Backend.Rotary(x, positions, cos, sin, inverse: false);
            w.Backend.Rotary(x, positions, cos, sin, inverse: true);
            return [x];
        });
        Close.Check("x", original.Data, result[0].Data, 1e-6);
    });

    [Fact]
    public void Gradients_are_those_of_the_inverse() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 2, 7)],
        (w, inputs) => Rotate(w, inputs[0], inverse: false),
        (w, _, dy) => [Rotate(w, dy, inverse: true)]);

    [Fact]
    public void Shapes()
    {
        Refuses("Rotary", "x", w => w.Backend.Rotary(w.Fresh(4, 8), w.Upload(0, 0, 0, 0), w.Fresh(2, 4), w.Fresh(2, 4), false));
        Refuses("Rotary", "positions", w => w.Backend.Rotary(w.Fresh(4, 1, 8), w.Upload(0, 0, 0), w.Fresh(2, 4), w.Fresh(2, 4), false));
        Refuses("Rotary", "sin", w => w.Backend.Rotary(w.Fresh(1, 1, 8), w.Upload(0), w.Fresh(2, 4), w.Fresh(3, 4), false));
        Refuses("Rotary", "tables of 5 angles", w => w.Backend.Rotary(w.Fresh(1, 1, 8), w.Upload(0), w.Fresh(2, 5), w.Fresh(2, 5), false));
    }

    private static Tensor Rotate(Workspace w, Tensor x, bool inverse)
    {
        var (cos, sin) = Tables(w, 40, 3);
        w.Backend.Rotary(x, w.Upload(3, 0, 39), cos, sin, inverse);
        return x;
    }

    private static (Tensor Cos, Tensor Sin) Tables(Workspace w, int positions, int half)
    {
        var angles = Values.Uniform(3, -Math.PI, Math.PI, positions, half);
        return (w.Upload(angles with { Data = Array.ConvertAll(angles.Data, MathF.Cos) }), w.Upload(angles with { Data = Array.ConvertAll(angles.Data, MathF.Sin) }));
    }
}
