using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>Causal attention of each sequence of the batch with itself, and with the keys and values of a cache when there is one.</summary>
internal sealed class AttentionNode : Node
{
    private Activation _q = null!, _k = null!, _v = null!;
    private int _layer;
    private AttentionShape _shape;
    private AttentionOptions _options;
    private Tensor? _logSumExp; // (tokens, heads)

    public override string Name => $"the attention of block {_layer}";

    public override bool ReadsOutput => true;

    public AttentionNode Of(Activation q, Activation k, Activation v, int layer, AttentionShape shape, AttentionOptions options)
    {
        (_q, _k, _v, _layer, _shape, _options) = (q, k, v, layer, shape, options);
        return this;
    }

    public override Activation Forward()
    {
        var y = NewOutput(_q.Shape, _q.NeedsGradient || _k.NeedsGradient || _v.NeedsGradient);
        if (Context.Cache is { } cache)
        {
            var (keys, values, segment) = cache.Append(_layer, Keys(_k.Value), Keys(_v.Value));
            Backend.Attention(Queries(_q.Value), keys, values, Queries(y.Value), null, [segment], _options);
        }
        else
        {
            _logSumExp = y.NeedsGradient && Context.IsRecording ? Backend.Allocate(new Shape(_q.Shape.Rows, _shape.Heads)) : null;
            Backend.Attention(Queries(_q.Value), Keys(_k.Value), Keys(_v.Value), Queries(y.Value), _logSumExp, Context.Batch.Segments, _options);
        }

        return y;
    }

    public override void Backward()
    {
        var dq = Context.NewGradient(_q);
        var dk = Context.NewGradient(_k);
        var dv = Context.NewGradient(_v);
        Backend.AttentionBackward(
            Queries(_q.Value), Keys(_k.Value), Keys(_v.Value), Queries(Output.Value), _logSumExp!.Value, Queries(OutputGradient),
            Queries(dq), Keys(dk), Keys(dv), Context.Batch.Segments, _options);
        Contribute(_q, dq);
        Contribute(_k, dk);
        Contribute(_v, dv);
    }

    public override void Release()
    {
        _logSumExp?.Dispose();
        _logSumExp = null;
    }

    private static void Contribute(Activation input, Tensor gradient)
    {
        if (input.NeedsGradient) input.ContributeGradient(gradient, owned: true);
        else gradient.Dispose();
    }

    private Tensor Queries(Tensor tensor) => tensor.Reshape(tensor.Rows, _shape.Heads, _shape.HeadSize);

    private Tensor Keys(Tensor tensor) => tensor.Reshape(tensor.Rows, _shape.KeyHeads, _shape.HeadSize);
}
