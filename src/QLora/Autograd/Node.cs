using QLora.Backends;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// One op of a forward pass: how it is run, what it read and made, and how gradients pass through it backwards. Its context makes it once and uses it again in later passes; what
/// an op reads is given to it by its method <c>Of</c>.
/// </summary>
internal abstract class Node
{
    /// <summary>The path of the layer that it is, or what it does, for messages.</summary>
    public abstract string Name { get; }

    /// <summary>What the op made.</summary>
    public Activation Output { get; set; } = null!;

    /// <summary>Whether the output may be dropped after the forward pass and computed again from the inputs.</summary>
    public virtual bool CanRecompute => false;

    /// <summary>Whether <see cref="Backward"/> reads the value of <see cref="Output"/>.</summary>
    public virtual bool ReadsOutput => false;

    /// <summary>The context that made it.</summary>
    public ForwardContext Context { protected get; set; } = null!;

    protected Backend Backend => Context.Backend;

    /// <summary>Runs the op.</summary>
    public abstract Activation Forward();

    /// <summary>An output for which <see cref="Forward"/> runs when somebody reads it, where <see cref="Backward"/> can do without; null where it cannot.</summary>
    public virtual Activation? Defer() => null;

    /// <summary>Computes the output again from the inputs. Only where <see cref="CanRecompute"/>.</summary>
    /// <param name="y">Takes it; of the shape of <see cref="Output"/>.</param>
    public virtual void Compute(Tensor y) => throw new NotSupportedException();

    /// <summary>Passes the gradient of <see cref="Output"/> on to the inputs and the parameters. Called once, only when there is one.</summary>
    public abstract void Backward();

    /// <summary>Gives back what was saved besides inputs and output.</summary>
    public virtual void Release() { }

    /// <summary>A new output of the op, with undefined content; of the pass's type unless another one is given.</summary>
    protected Activation NewOutput(Shape shape, bool needsGradient, DType? dtype = null)
        => Context.NewActivation(Backend.Allocate(shape, dtype ?? Context.ComputeDType), ownsValue: true, needsGradient);

    /// <summary>The gradient of the output.</summary>
    protected Tensor OutputGradient => Output.Gradient!.Value;
}
