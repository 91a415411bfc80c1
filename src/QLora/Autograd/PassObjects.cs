using System.Runtime.InteropServices;

namespace QLora.Autograd;

/// <summary>
/// The objects that passes are recorded with. A pass takes them one by one and gives all of them back at its end, so that only the first pass of a context makes any.
/// </summary>
/// <param name="context">Whose they are.</param>
internal sealed class PassObjects(ForwardContext context)
{
    private readonly Stock<Activation> _activations = new(() => new Activation(context.Backend));
    private readonly Dictionary<Type, Stock<Node>> _nodes = [];

    /// <summary>An activation that nothing else in the pass is.</summary>
    public Activation Activation() => _activations.Take();

    /// <summary>A node that nothing else in the pass is.</summary>
    public TNode Node<TNode>() where TNode : Node, new()
    {
        if (!_nodes.TryGetValue(typeof(TNode), out var nodes)) _nodes[typeof(TNode)] = nodes = StockOf<TNode>();
        return (TNode)nodes.Take();
    }

    /// <summary>Takes everything back, with the memory that is still held: all of it where the pass was broken off.</summary>
    public void GiveBack()
    {
        foreach (var activation in _activations.Taken)
        {
            activation.ReleaseValue();
            activation.ReleaseGradient();
        }

        _activations.GiveBack();
        foreach (var nodes in _nodes.Values)
        {
            foreach (var node in nodes.Taken) node.Release();
            nodes.GiveBack();
        }
    }

    private Stock<Node> StockOf<TNode>() where TNode : Node, new() => new(() => new TNode { Context = context });

    /// <summary>Objects of one kind, of which the first so many are taken.</summary>
    private sealed class Stock<T>(Func<T> make)
    {
        private readonly List<T> _made = [];
        private int _taken;

        public ReadOnlySpan<T> Taken => CollectionsMarshal.AsSpan(_made)[.._taken];

        public T Take()
        {
            if (_taken == _made.Count) _made.Add(make());
            return _made[_taken++];
        }

        public void GiveBack() => _taken = 0;
    }
}
