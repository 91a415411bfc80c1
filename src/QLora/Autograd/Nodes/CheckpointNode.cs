using QLora.Models;

namespace QLora.Autograd;

/// <summary>A whole block that keeps only its input: the backward pass runs it again, recorded this time.</summary>
internal sealed class CheckpointNode(ForwardContext context, IDecoderBlock block, Activation x) : Node(context)
{
    public override string Name => $"block {block.Layer}";

    public override Activation Forward()
    {
        var y = Context.RunUnrecorded(block, x);
        Context.Disown(y);
        return y;
    }

    public override void Backward()
    {
        var (gradient, owned) = Output.TakeGradient();
        Context.RunBackward(block, x, gradient, owned);
    }
}
