using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y ← gelu(gate) · up, with gelu as <see cref="Gelu"/> has it (Shazeer, arXiv:2002.05202).</summary>
    /// <param name="gate">(tokens, size) activations.</param>
    /// <param name="up">(tokens, size) activations.</param>
    /// <param name="y">(tokens, size) activations; may be gate or up.</param>
    public void GeGlu(Tensor gate, Tensor up, Tensor y)
    {
        Check.ActivationMatrix(nameof(GeGlu), nameof(gate), gate);
        Check.SameAs(nameof(GeGlu), nameof(up), up, gate);
        Check.SameAs(nameof(GeGlu), nameof(y), y, gate);
        GeGluCore(gate, up, y);
    }

    /// <summary>dGate ← dy · up · gelu′(gate), with gelu′ as <see cref="GeluBackward"/> has it; dUp ← dy · gelu(gate).</summary>
    /// <param name="gate">(tokens, size) activations, the forward's input.</param>
    /// <param name="up">(tokens, size) activations, the forward's input.</param>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dGate">(tokens, size) activations, overwritten; may be gate, up or dy.</param>
    /// <param name="dUp">(tokens, size) activations, overwritten; may be gate, up or dy, but not dGate.</param>
    public void GeGluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        const string Op = nameof(GeGluBackward);
        Check.ActivationMatrix(Op, nameof(gate), gate);
        Check.SameAs(Op, nameof(up), up, gate);
        Check.SameAs(Op, nameof(dy), dy, gate);
        Check.SameAs(Op, nameof(dGate), dGate, gate);
        Check.SameAs(Op, nameof(dUp), dUp, gate);
        GeGluBackwardCore(gate, up, dy, dGate, dUp);
    }

    /// <summary>Backend part of <see cref="GeGlu"/>; shapes are checked.</summary>
    protected abstract void GeGluCore(Tensor gate, Tensor up, Tensor y);

    /// <summary>Backend part of <see cref="GeGluBackward"/>; shapes are checked.</summary>
    protected abstract void GeGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp);
}
