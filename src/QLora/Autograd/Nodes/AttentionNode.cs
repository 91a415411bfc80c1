using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Causal attention of each sequence of the batch with itself, and with the keys and values of a cache when there is one.</summary>
internal sealed class AttentionNode(ForwardContext context, Activation q, Activation k, Activation v, int layer, AttentionShape shape, AttentionOptions options) : Node(context)
{
    private Tensor? _logSumExp; // (tokens, heads)

    public override string Name => $"the attention of block {layer}";

    public override bool ReadsOutput => true;

    public override Activation Forward()
    {
        var y = NewOutput(q.Shape, q.NeedsGradient || k.NeedsGradient || v.NeedsGradient);
        if (Context.Cache is { } cache)
        {
            var (keys, values, segment) = cache.Append(layer, Keys(k.Value), Keys(v.Value));
            Backend.Attention(Queries(q.Value), keys, values, Queries(y.Value), null, [segment], options);
        }
        else
        {
            _logSumExp = y.NeedsGradient && Context.IsRecording ? Backend.Allocate(new Shape(q.Shape.Rows, shape.Heads)) : null;
            Backend.Attention(Queries(q.Value), Keys(k.Value), Keys(v.Value), Queries(y.Value), _logSumExp, Context.Batch.Segments, options);
        }

        return y;
    }

    public override void Backward()
    {
        var dq = NewGradient(q);
        var dk = NewGradient(k);
        var dv = NewGradient(v);
        Backend.AttentionBackward(
            Queries(q.Value), Keys(k.Value), Keys(v.Value), Queries(Output.Value), _logSumExp!.Value, Queries(OutputGradient),
            Queries(dq), Keys(dk), Keys(dv), Context.Batch.Segments, options);
        Contribute(q, dq);
        Contribute(k, dk);
        Contribute(v, dv);
    }

    public override void Release()
    {
        _logSumExp?.Dispose();
        _logSumExp = null;
    }

    private Tensor NewGradient(Activation input) => Backend.Allocate(input.Shape, input.DType);

    private static void Contribute(Activation input, Tensor gradient)
    {
        if (input.NeedsGradient) input.ContributeGradient(gradient, owned: true);
        else gradient.Dispose();
    }

    private Tensor Queries(Tensor tensor) => tensor.Reshape(tensor.Rows, shape.Heads, shape.HeadSize);

    private Tensor Keys(Tensor tensor) => tensor.Reshape(tensor.Rows, shape.KeyHeads, shape.HeadSize);
}
