using QLora.Models;

namespace QLora.Autograd;

/// <summary>
/// A whole block that keeps only its input: the backward pass runs it again, recorded this time. Where the pass offloads, the input leaves the device while the block runs forwards, and
/// is brought back while the block behind it runs backwards.
/// </summary>
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
        if (Context.Offloads) _x.StartOffload();
        var y = Context.RunUnrecorded(_block, _x);
        if (Context.Offloads) _x.FinishOffload();
        Context.Disown(y);
        return y;
    }

    public override void Backward()
    {
        if (Context.Offloads) FetchInputs();
        var (gradient, owned) = Output.TakeGradient();
        Context.RunBackward(_block, _x, gradient, owned);
    }

    /// <summary>Waits for this block's input, and after that begins to fetch the one of the block before it, which this one need not wait for.</summary>
    private void FetchInputs()
    {
        _ = _x.Value;
        if (_x is { NeedsGradient: true, Producer: CheckpointNode before }) before._x.Prefetch();
    }
}
