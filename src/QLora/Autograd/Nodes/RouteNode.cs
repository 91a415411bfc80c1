using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// The experts of every token, and their weights (tokens, perToken): the likeliest by the softmax of the router's logits. Which they are has no gradient; their weights have.
/// </summary>
internal sealed class RouteNode(ForwardContext context, Activation logits, int perToken, bool normalize) : Node(context)
{
    private Tensor? _experts; // (tokens, perToken) Int32

    public override string Name => $"the router of block {Context.BlockIndex}";

    /// <summary>For every expert the slots, token · perToken + choice, in which it was chosen.</summary>
    public List<int>[] Slots { get; } = new List<int>[logits.Shape.Columns];

    public override Activation Forward()
    {
        var shape = new Shape(logits.Shape.Rows, perToken);
        var weights = NewOutput(shape, logits.NeedsGradient, DType.Float32);
        _experts = Backend.Allocate(shape, DType.Int32);
        Backend.Route(logits.Value, _experts.Value, weights.Value, normalize);

        // The one place where a pass waits for the device: how many rows each expert gets decides what is run.
        var chosen = new int[shape.Count];
        Backend.CopyToHost(_experts.Value, chosen.AsSpan());
        for (var expert = 0; expert < Slots.Length; expert++) Slots[expert] = [];
        for (var slot = 0; slot < chosen.Length; slot++) Slots[chosen[slot]].Add(slot);
        return weights;
    }

    public override void Backward()
    {
        var dLogits = Backend.Allocate(logits.Shape, logits.DType);
        Backend.RouteBackward(logits.Value, _experts!.Value, OutputGradient, dLogits, normalize);
        logits.ContributeGradient(dLogits, owned: true);
    }

    public override void Release()
    {
        _experts?.Dispose();
        _experts = null;
    }
}
