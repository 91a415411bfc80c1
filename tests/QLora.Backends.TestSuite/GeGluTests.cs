using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>GeGlu and its backward.</summary>
public abstract class GeGluTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // An exponential of about 1e-7 times its argument, which is up to some 10 where it matters, a division and some products.
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 17)]
    [InlineData(4, 1536)]
    [InlineData(65, 100)]
    public void Forward(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.Fresh(tokens, size);
        w.Backend.GeGlu(w.Upload(Values.Normal(1, tokens, size).Times(4)), w.Upload(Values.Normal(2, tokens, size)), y);
        return [y];
    });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 17)]
    [InlineData(65, 100)]
    public void Backward(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var (dGate, dUp) = (w.Fresh(tokens, size), w.Fresh(tokens, size));
        w.Backend.GeGluBackward(w.Upload(Values.Normal(1, tokens, size).Times(4)), w.Upload(Values.Normal(2, tokens, size)),
            w.Upload(Values.Normal(3, tokens, size)), dGate, dUp);
        return [dGate, dUp];
    });

    [Fact]
    public void Large_gates_neither_overflow_nor_become_NaN() => AgreesWithReference(Tolerance, w =>
    {
        var gate = w.Upload(Values.Of(new Shape(1, 11), -1e30f, -1e4f, -200, -10.5f, -10, 0, 10, 10.5f, 200, 1e4f, 1e30f));
        var up = w.Upload(Values.Normal(2, 1, 11));
        var (y, dGate, dUp) = (w.Fresh(1, 11), w.Fresh(1, 11), w.Fresh(1, 11));
        w.Backend.GeGlu(gate, up, y);
        w.Backend.GeGluBackward(gate, up, w.Upload(Values.Normal(3, 1, 11)), dGate, dUp);
        return [y.Slice(0, 1), dGate, dUp];
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Forward_in_place(int operand) => AgreesWithReference(Tolerance, w =>
    {
        Tensor[] operands = [w.Upload(Values.Normal(1, 5, 37)), w.Upload(Values.Normal(2, 5, 37))];
        w.Backend.GeGlu(operands[0], operands[1], operands[operand]);
        return [operands[operand]];
    });

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(1, 2)]
    public void Backward_in_place(int gateOperand, int upOperand) => AgreesWithReference(Tolerance, w =>
    {
        Tensor[] operands = [w.Upload(Values.Normal(1, 5, 37)), w.Upload(Values.Normal(2, 5, 37)), w.Upload(Values.Normal(3, 5, 37))];
        w.Backend.GeGluBackward(operands[0], operands[1], operands[2], operands[gateOperand], operands[upOperand]);
        return [operands[gateOperand], operands[upOperand]];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 17), Values.Normal(2, 3, 17)],
        (w, inputs) =>
        {
            var y = w.Fresh(3, 17);
            w.Backend.GeGlu(inputs[0], inputs[1], y);
            return y;
        },
        (w, inputs, dy) =>
        {
            var (dGate, dUp) = (w.Fresh(3, 17), w.Fresh(3, 17));
            w.Backend.GeGluBackward(inputs[0], inputs[1], dy, dGate, dUp);
            return [dGate, dUp];
        });

    [Fact]
    public void Shapes()
    {
        Refuses("GeGlu", "gate", w => w.Backend.GeGlu(w.Fresh(4), w.Fresh(4), w.Fresh(4)));
        Refuses("GeGlu", "up", w => w.Backend.GeGlu(w.Fresh(2, 4), w.Fresh(4, 2), w.Fresh(2, 4)));
        Refuses("GeGlu", "y", w => w.Backend.GeGlu(w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 5)));
        Refuses("GeGluBackward", "dy", w => w.Backend.GeGluBackward(w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(8), w.Fresh(2, 4), w.Fresh(2, 4)));
        Refuses("GeGluBackward", "dUp", w => w.Backend.GeGluBackward(w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(1, 4)));
    }
}
