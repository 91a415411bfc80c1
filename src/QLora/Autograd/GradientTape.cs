namespace QLora.Autograd;

/// <summary>
/// The ops of a forward pass in order. Running them backwards gives every activation back as soon as its last reader is done, so that memory falls
/// while gradients are made.
/// </summary>
internal sealed class GradientTape
{
    private readonly List<Node> _nodes = [];

    public int Count => _nodes.Count;

    public void Record(Node node) => _nodes.Add(node);

    /// <summary>Drops the outputs from one node on that are cheap to compute again.</summary>
    public void DropRecomputable(int from)
    {
        for (var i = from; i < _nodes.Count; i++)
        {
            if (_nodes[i].CanRecompute) _nodes[i].Output.ReleaseValue();
        }
    }

    /// <summary>Runs all nodes backwards and empties the tape.</summary>
    public void Backward()
    {
        for (var i = _nodes.Count - 1; i >= 0; i--)
        {
            var node = _nodes[i];
            if (!node.ReadsOutput) node.Output.ReleaseValue();
            if (node.Output is { NeedsGradient: true, Gradient: not null }) node.Backward();
            Release(node);
        }

        _nodes.Clear();
    }

    /// <summary>Gives everything back without running backwards.</summary>
    public void Clear()
    {
        foreach (var node in _nodes) Release(node);
        _nodes.Clear();
    }

    private static void Release(Node node)
    {
        node.Release();
        node.Output.ReleaseValue();
        node.Output.ReleaseGradient();
    }
}
