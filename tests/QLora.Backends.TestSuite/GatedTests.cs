using QLora.Backends;
using QLora.Tensors;

namespace QLora.Tests.Backends;

/// <summary>A gated activation and its backward: SwiGlu, GeGlu.</summary>
/// <param name="devices">Where it runs.</param>
/// <param name="op">What the contract calls it.</param>
/// <param name="extremes">Eleven gates at which an exponential might overflow or vanish.</param>
public abstract class GatedTests(IReadOnlyList<Device> devices, string op, float[] extremes) : OpTests(devices)
{
    // An exponential of about 1e-7, of GELU times its argument, which is up to some 10 where it matters, a division and some products.
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 17)]
    [InlineData(4, 1536)]
    [InlineData(65, 100)]
    public void Forward_agrees(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var y = w.FreshActivations(tokens, size);
        Forward(w.Backend, w.UploadActivations(Values.Normal(1, tokens, size).Times(4)), w.UploadActivations(Values.Normal(2, tokens, size)), y);
        return [y];
    });

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 17)]
    [InlineData(65, 100)]
    public void Backward_agrees(int tokens, int size) => AgreesWithReference(Tolerance, w =>
    {
        var (dGate, dUp) = (w.FreshActivations(tokens, size), w.FreshActivations(tokens, size));
        Backward(w.Backend, w.UploadActivations(Values.Normal(1, tokens, size).Times(4)), w.UploadActivations(Values.Normal(2, tokens, size)),
            w.UploadActivations(Values.Normal(3, tokens, size)), dGate, dUp);
        return [dGate, dUp];
    });

    [Fact]
    public void Large_gates_neither_overflow_nor_become_NaN() => AgreesWithReference(Tolerance, w =>
    {
        var gate = w.UploadActivations(Values.Of(new Shape(1, 11), extremes));
        var up = w.UploadActivations(Values.Normal(2, 1, 11));
        var (y, dGate, dUp) = (w.FreshActivations(1, 11), w.FreshActivations(1, 11), w.FreshActivations(1, 11));
        Forward(w.Backend, gate, up, y);
        Backward(w.Backend, gate, up, w.UploadActivations(Values.Normal(3, 1, 11)), dGate, dUp);
        return [y.Slice(0, 1), dGate, dUp];
    });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Forward_in_place(int operand) => AgreesWithReference(Tolerance, w =>
    {
        Tensor[] operands = [w.UploadActivations(Values.Normal(1, 5, 37)), w.UploadActivations(Values.Normal(2, 5, 37))];
        Forward(w.Backend, operands[0], operands[1], operands[operand]);
        return [operands[operand]];
    });

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(1, 2)]
    public void Backward_in_place(int gateOperand, int upOperand) => AgreesWithReference(Tolerance, w =>
    {
        Tensor[] operands = [w.UploadActivations(Values.Normal(1, 5, 37)), w.UploadActivations(Values.Normal(2, 5, 37)), w.UploadActivations(Values.Normal(3, 5, 37))];
        Backward(w.Backend, operands[0], operands[1], operands[2], operands[gateOperand], operands[upOperand]);
        return [operands[gateOperand], operands[upOperand]];
    });

    [Fact]
    public void Gradients() => GradientsAgreeWithDifferences(5e-5, [Values.Normal(1, 3, 17), Values.Normal(2, 3, 17)],
        (w, inputs) =>
        {
            var y = w.FreshActivations(3, 17);
            Forward(w.Backend, inputs[0], inputs[1], y);
            return y;
        },
        (w, inputs, dy) =>
        {
            var (dGate, dUp) = (w.FreshActivations(3, 17), w.FreshActivations(3, 17));
            Backward(w.Backend, inputs[0], inputs[1], dy, dGate, dUp);
            return [dGate, dUp];
        });

    [Fact]
    public void Shapes()
    {
        Refuses(op, "gate", w => Forward(w.Backend, w.Fresh(4), w.Fresh(4), w.Fresh(4)));
        Refuses(op, "up", w => Forward(w.Backend, w.Fresh(2, 4), w.Fresh(4, 2), w.Fresh(2, 4)));
        Refuses(op, "y", w => Forward(w.Backend, w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 5)));
        Refuses(op + "Backward", "dy", w => Backward(w.Backend, w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(8), w.Fresh(2, 4), w.Fresh(2, 4)));
        Refuses(op + "Backward", "dUp", w => Backward(w.Backend, w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(2, 4), w.Fresh(1, 4)));
    }

    /// <summary>The op.</summary>
    protected abstract void Forward(Backend backend, Tensor gate, Tensor up, Tensor y);

    /// <summary>Its backward.</summary>
    protected abstract void Backward(Backend backend, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp);
}
