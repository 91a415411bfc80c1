using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y ← silu(gate) · up, with silu(z) = z / (1 + e^−z) (Shazeer, arXiv:2002.05202).</summary>
    /// <param name="gate">(tokens, size) activations.</param>
    /// <param name="up">(tokens, size) activations.</param>
    /// <param name="y">(tokens, size) activations; may be gate or up.</param>
    public void SwiGlu(Tensor gate, Tensor up, Tensor y)
    {
        Check.ActivationMatrix(nameof(SwiGlu), nameof(gate), gate);
        Check.SameAs(nameof(SwiGlu), nameof(up), up, gate);
        Check.SameAs(nameof(SwiGlu), nameof(y), y, gate);
        SwiGluCore(gate, up, y);
    }

    /// <summary>With σ = 1 / (1 + e^−gate): dGate ← dy · up · σ · (1 + gate · (1 − σ)); dUp ← dy · gate · σ.</summary>
    /// <param name="gate">(tokens, size) activations, the forward's input.</param>
    /// <param name="up">(tokens, size) activations, the forward's input.</param>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dGate">(tokens, size) activations, overwritten; may be gate, up or dy.</param>
    /// <param name="dUp">(tokens, size) activations, overwritten; may be gate, up or dy, but not dGate.</param>
    public void SwiGluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp)
    {
        const string Op = nameof(SwiGluBackward);
        Check.ActivationMatrix(Op, nameof(gate), gate);
        Check.SameAs(Op, nameof(up), up, gate);
        Check.SameAs(Op, nameof(dy), dy, gate);
        Check.SameAs(Op, nameof(dGate), dGate, gate);
        Check.SameAs(Op, nameof(dUp), dUp, gate);
        SwiGluBackwardCore(gate, up, dy, dGate, dUp);
    }

    /// <summary>Backend part of <see cref="SwiGlu"/>; shapes are checked.</summary>
    protected abstract void SwiGluCore(Tensor gate, Tensor up, Tensor y);

    /// <summary>Backend part of <see cref="SwiGluBackward"/>; shapes are checked.</summary>
    protected abstract void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp);
}
