using QLora.Backends;
using QLora.Generation;
using QLora.Layers;

namespace QLora.Autograd;

// The ops that a model's Forward is written with, beside the layers themselves.
public sealed partial class ForwardContext
{
    /// <summary>The residual stream plus a branch.</summary>
    /// <param name="residual">(tokens, hidden).</param>
    /// <param name="branch">(tokens, hidden); used up: its buffer holds the sum.</param>
    public Activation Add(Activation residual, Activation branch) => Apply(Node<AddNode>().Of(residual, branch));

    /// <summary>silu(gate) · up.</summary>
    /// <param name="gate">(tokens, size).</param>
    /// <param name="up">(tokens, size).</param>
    /// <exception cref="ArgumentException">Both are one activation.</exception>
    public Activation SwiGlu(Activation gate, Activation up) => Gated(gate, up, isGelu: false);

    /// <summary>gelu(gate) · up, with the tanh form of GELU.</summary>
    /// <param name="gate">(tokens, size).</param>
    /// <param name="up">(tokens, size).</param>
    /// <exception cref="ArgumentException">Both are one activation.</exception>
    public Activation GeGlu(Activation gate, Activation up) => Gated(gate, up, isGelu: true);

    /// <summary>gelu(x), in its tanh form.</summary>
    /// <param name="x">(tokens, size).</param>
    public Activation Gelu(Activation x) => Apply(Node<GeluNode>().Of(x));

    /// <summary>factor · x.</summary>
    /// <param name="x">(tokens, size); used up: its buffer holds the result.</param>
    /// <param name="factor">The factor.</param>
    public Activation Scale(Activation x, float factor) => factor == 1 ? x : Apply(Node<ScaleNode>().Of(x, factor));

    /// <summary>Some columns of a fused projection. No column of one x may be taken twice.</summary>
    /// <param name="x">(tokens, size).</param>
    /// <param name="start">The first of them.</param>
    /// <param name="count">How many.</param>
    /// <returns>(tokens, count).</returns>
    public Activation Columns(Activation x, int start, int count) => Apply(Node<ColumnsNode>().Of(x, start, count));

    /// <summary>
    /// A sparse mixture of experts (Shazeer et al., arXiv:1701.06538): every token goes through the experts that its router finds likeliest, and their outputs are summed with the
    /// router's probabilities as weights. An expert that no token chose does not run.
    /// </summary>
    /// <param name="x">(tokens, hidden).</param>
    /// <param name="routerLogits">(tokens, experts).</param>
    /// <param name="perToken">Experts of a token.</param>
    /// <param name="normalize">Whether the weights of a token's experts are divided by their sum.</param>
    /// <param name="experts">The experts.</param>
    /// <param name="run">Runs one of them on some tokens.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation MixtureOfExperts<TExpert>(
        Activation x, Activation routerLogits, int perToken, bool normalize, IReadOnlyList<TExpert> experts, Func<TExpert, Activation, ForwardContext, Activation> run)
    {
        var route = Node<RouteNode>().Of(routerLogits, perToken, normalize);
        var combination = Node<CombineExpertsNode>().Of(x.Shape, Apply(route));
        for (var i = 0; i < experts.Count; i++)
        {
            if (route.SlotsOf(i) is not { Count: > 0 } slots) continue;
            combination.Add(run(experts[i], Apply(Node<RowsNode>().Of(x, slots, perToken)), this), slots);
        }

        return Apply(combination);
    }

    /// <summary>Queries or keys rotated by their positions.</summary>
    /// <param name="x">(tokens, heads · headSize); used up: its buffer holds the result.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="parameters">Base and scaling of the angles.</param>
    public Activation Rotary(Activation x, int heads, RotaryParameters parameters)
    {
        var table = _model.RotaryTables.Get(parameters, (_cache?.Length ?? 0) + Batch.MaxLength);
        return Apply(Node<RotaryNode>().Of(x, heads, _positions, table));
    }

    /// <summary>Causal attention of each sequence with itself, and with the cache's keys and values when there is one.</summary>
    /// <param name="q">(tokens, heads · headSize).</param>
    /// <param name="k">(tokens, keyHeads · headSize).</param>
    /// <param name="v">(tokens, keyHeads · headSize).</param>
    /// <param name="layer">The number of the block, for the cache.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="options">Scale, window and cap of the scores.</param>
    public Activation Attention(Activation q, Activation k, Activation v, int layer, AttentionShape shape, AttentionOptions options)
        => Apply(Node<AttentionNode>().Of(q, k, v, layer, shape, options));

    private Activation Gated(Activation gate, Activation up, bool isGelu) => gate != up
        ? Apply(Node<GatedNode>().Of(gate, up, isGelu))
        : throw new ArgumentException("gate and up are one activation, whose buffer can hold one gradient only; make it twice", nameof(up));

    /// <summary>The rows of an embedding for the tokens of the batch.</summary>
    internal Activation Embed(Embedding embedding) => Apply(Node<EmbeddingNode>().Of(embedding, _tokenIds));

    /// <summary>The rows of an embedding for the positions of the batch.</summary>
    internal Activation EmbedPositions(Embedding embedding)
    {
        var longest = (_cache?.Length ?? 0) + Batch.MaxLength;
        if (longest > embedding.Spec.Rows) throw new QLoraException($"a sequence has {longest} tokens, and {embedding.Path} knows {embedding.Spec.Rows} positions; use --max-length {embedding.Spec.Rows}");
        return Apply(Node<EmbeddingNode>().Of(embedding, _positions));
    }

    /// <summary>Some rows of an activation, in place; nothing is recorded for them.</summary>
    internal Activation Rows(Activation x, int start, int count) => NewActivation(x.Value.Slice(start, count), ownsValue: false, needsGradient: false);

    /// <summary>Keys and values of the tokens before; null when there are none.</summary>
    internal KeyValueCache? Cache => _cache;

    /// <summary>Whether ops are recorded at this moment.</summary>
    internal bool IsRecording => _tape is not null;
}
