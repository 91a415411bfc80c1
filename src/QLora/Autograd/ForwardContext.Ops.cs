using QLora.Generation;
using QLora.Layers;

namespace QLora.Autograd;

// The ops that a model's Forward is written with, beside the layers themselves.
public sealed partial class ForwardContext
{
    /// <summary>The residual stream plus a branch.</summary>
    /// <param name="residual">(tokens, hidden).</param>
    /// <param name="branch">(tokens, hidden); used up: its buffer holds the sum.</param>
    public Activation Add(Activation residual, Activation branch) => Apply(new AddNode(this, residual, branch));

    /// <summary>silu(gate) · up.</summary>
    /// <param name="gate">(tokens, size).</param>
    /// <param name="up">(tokens, size).</param>
    public Activation SwiGlu(Activation gate, Activation up) => Apply(new SwiGluNode(this, gate, up));

    /// <summary>Queries or keys rotated by their positions.</summary>
    /// <param name="x">(tokens, heads · headSize); used up: its buffer holds the result.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="parameters">Base and scaling of the angles.</param>
    public Activation Rotary(Activation x, int heads, RotaryParameters parameters)
    {
        var table = _rotaryTables.Get(parameters, (_cache?.Length ?? 0) + Batch.MaxLength);
        return Apply(new RotaryNode(this, x, heads, _positions, table));
    }

    /// <summary>Causal attention of each sequence with itself, and with the cache's keys and values when there is one.</summary>
    /// <param name="q">(tokens, heads · headSize).</param>
    /// <param name="k">(tokens, keyHeads · headSize).</param>
    /// <param name="v">(tokens, keyHeads · headSize).</param>
    /// <param name="layer">The number of the block, for the cache.</param>
    /// <param name="shape">Heads and scale.</param>
    public Activation Attention(Activation q, Activation k, Activation v, int layer, AttentionShape shape)
        => Apply(new AttentionNode(this, q, k, v, layer, shape));

    /// <summary>The rows of an embedding for the tokens of the batch.</summary>
    internal Activation Embed(Embedding embedding) => Apply(new EmbeddingNode(this, embedding, _tokenIds));

    /// <summary>Some rows of an activation, in place; nothing is recorded for them.</summary>
    internal Activation Rows(Activation x, int start, int count) => new(Backend, x.Value.Slice(start, count), ownsValue: false, needsGradient: false);

    /// <summary>Keys and values of the tokens before; null when there are none.</summary>
    internal KeyValueCache? Cache => _cache;

    /// <summary>Whether ops are recorded at this moment.</summary>
    internal bool IsRecording => _tape is not null;
}
