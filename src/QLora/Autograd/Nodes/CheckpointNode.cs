using QLora.Models;

namespace QLora.Autograd;

/// <summary>A whole block that keeps only its input: the backward pass runs it again, recorded this time.</summary>
internal sealed class CheckpointNode : Node
{
    private IDecoderBlock _block = null!;
    private Activation _x = null!;

    public override string Name => $"block {_block.Layer}";

    public CheckpointNode Of(IDecoderBlock block, Activation x)
    {
        (_block, _x) = (block, x);
        return this;
    }

    public override Activation Forward()
    {
        var y = Context.RunUnrecorded(_block, _x);
        Context.Disown(y);
        return y;
    }

    public override void Backward()
    {
        var (gradient, owned) = Output.TakeGradient();
        Context.RunBackward(_block, _x, gradient, owned);
    }
}
