using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>
/// The experts of every token, and their weights (tokens, perToken): the likeliest by the softmax of the router's logits. Which they are has no gradient; their weights have.
/// </summary>
internal sealed class RouteNode : Node
{
    private readonly List<int> _chosen = [];
    private readonly List<List<int>> _slots = [];
    private Activation _logits = null!;
    private int _perToken;
    private bool _normalize;
    private Tensor? _experts; // (tokens, perToken) Int32

    public override string Name => $"the router of block {Context.BlockIndex}";

    public RouteNode Of(Activation logits, int perToken, bool normalize)
    {
        (_logits, _perToken, _normalize) = (logits, perToken, normalize);
        return this;
    }

    /// <summary>The slots, token · perToken + choice, in which an expert was chosen.</summary>
    public List<int> SlotsOf(int expert) => _slots[expert];

    public override Activation Forward()
    {
        var shape = new Shape(_logits.Shape.Rows, _perToken);
        var weights = NewOutput(shape, _logits.NeedsGradient, DType.Float32);
        _experts = Backend.Allocate(shape, DType.Int32);
        Backend.Route(_logits.Value, _experts.Value, weights.Value, _normalize);

        // The one place where a pass waits for the device: how many rows each expert gets decides what is run.
        CollectionsMarshal.SetCount(_chosen, (int)shape.Count);
        Backend.CopyToHost(_experts.Value, CollectionsMarshal.AsSpan(_chosen));
        while (_slots.Count < _logits.Shape.Columns) _slots.Add([]);
        foreach (var slots in _slots) slots.Clear();
        for (var slot = 0; slot < _chosen.Count; slot++) _slots[_chosen[slot]].Add(slot);
        return weights;
    }

    public override void Backward()
    {
        var dLogits = Context.NewGradient(_logits);
        Backend.RouteBackward(_logits.Value, _experts!.Value, OutputGradient, dLogits, _normalize);
        _logits.ContributeGradient(dLogits, owned: true);
    }

    public override void Release()
    {
        _experts?.Dispose();
        _experts = null;
    }
}
