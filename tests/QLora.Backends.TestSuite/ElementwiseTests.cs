using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>Add, Scale, AddBias and its backward.</summary>
public abstract class ElementwiseTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // A product and a sum.
    private const double Tolerance = 2e-7;

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(70003)]
    public void Add(int count) => AgreesWithReference(Tolerance, w =>
    {
        var (x, y, self) = (w.UploadActivations(Values.Normal(1, count)), w.UploadActivations(Values.Normal(2, count)), w.UploadActivations(Values.Normal(3, count)));
        w.Backend.Add(x, y);
        w.Backend.Add(x, y, -0.37f);
        w.Backend.Add(self, self, 2);
        return [y, self];
    });

    // One product, rounded once.
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(70003)]
    public void Scale(int count) => AgreesWithReference(0, w => [Scaled(w, w.UploadActivations(Values.Normal(1, count)))]);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 33)]
    [InlineData(150, 500)]
    public void AddBias(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.UploadActivations(Values.Normal(1, tokens, size));
        w.Backend.AddBias(w.Upload(Values.Normal(2, size)), y);
        return [y];
    });

    // Column sums in single precision: the error grows with the rows, but partial sums keep it near 1e-7 times their logarithm.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 33)]
    [InlineData(700, 50)]
    [InlineData(5, 1000)]
    public void AddBiasBackward(int tokens, int size) => AgreesWithReference(5e-6, w =>
    {
        var dBias = w.Upload(Values.Normal(2, size));
        w.Backend.AddBiasBackward(w.UploadActivations(Values.Normal(1, tokens, size)), dBias);
        return [dBias];
    });

    [Fact]
    public void Gradients_of_Add() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 9), Values.Normal(2, 9)],
        (w, inputs) =>
        {
            w.Backend.Add(inputs[0], inputs[1], -0.37f);
            return inputs[1];
        },
        (w, _, dy) =>
        {
            var dx = w.UploadActivations(Values.Normal(1, 9).Times(0));
            w.Backend.Add(dy, dx, -0.37f);
            return [dx, dy];
        });

    [Fact]
    public void Gradients_of_Scale() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 9)],
        (w, inputs) => Scaled(w, inputs[0]),
        (w, _, dy) => [Scaled(w, dy)]);

    [Fact]
    public void Gradients_of_AddBias() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 9)],
        (w, inputs) =>
        {
            var y = w.UploadActivations(Values.Normal(2, 4, 9));
            w.Backend.AddBias(inputs[0], y);
            return y;
        },
        (w, _, dy) =>
        {
            var dBias = w.Upload(Values.Normal(1, 9).Times(0));
            w.Backend.AddBiasBackward(dy, dBias);
            return [dBias];
        }, activations: 0);

    [Fact]
    public void Shapes()
    {
        Refuses("Add", "x", w => w.Backend.Add(w.Upload(1), w.Fresh(1)));
        Refuses("Add", "y", w => w.Backend.Add(w.Fresh(4), w.Fresh(2, 2)));
        Refuses("Scale", "x", w => w.Backend.Scale(w.Upload(1), 2));
        Refuses("AddBias", "y", w => w.Backend.AddBias(w.Fresh(4), w.Fresh(4)));
        Refuses("AddBias", "bias", w => w.Backend.AddBias(w.Fresh(3), w.Fresh(1, 4)));
        Refuses("AddBiasBackward", "dBias", w => w.Backend.AddBiasBackward(w.Fresh(1, 4), w.Fresh(3)));
    }

    private static Tensor Scaled(Workspace w, Tensor x)
    {
        w.Backend.Scale(x, -0.37f);
        return x;
    }
}
