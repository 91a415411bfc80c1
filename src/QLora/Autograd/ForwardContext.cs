using QLora.Backends;
using QLora.Generation;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Autograd;

/// <summary>How a forward pass is run.</summary>
/// <param name="Record">Whether ops are recorded for a backward pass.</param>
/// <param name="Checkpointing">What each block keeps for the backward pass.</param>
/// <param name="Dropout">The seed and number of the micro-batch that dropout masks are made from; null when dropout is off.</param>
public readonly record struct ForwardOptions(bool Record = false, GradientCheckpointing Checkpointing = GradientCheckpointing.None, DropoutSource? Dropout = null);

/// <summary>Where dropout masks come from: every (seed, micro-batch, layer) has a stream of its own, so recomputing and resuming see the same masks.</summary>
/// <param name="Seed">The run's seed.</param>
/// <param name="MicroBatch">The number of the micro-batch since the start of the run.</param>
public readonly record struct DropoutSource(ulong Seed, ulong MicroBatch)
{
    private const int SitesPerMicroBatch = 1 << 20;

    /// <summary>The stream of one place in the model.</summary>
    public ulong Stream(int site) => MicroBatch * SitesPerMicroBatch + (ulong)site;
}

/// <summary>
/// One pass of a batch through a model: runs ops on the backend, records them when a backward pass follows, and owns every buffer that the pass needs.
/// </summary>
public sealed partial class ForwardContext : IDisposable
{
    private readonly CausalLanguageModel _model;
    private readonly KeyValueCache? _cache;
    private readonly PassObjects _objects;
    private readonly GradientTape _passTape = new(), _blockTape = new();
    private readonly List<Activation> _unrecorded = [];
    private readonly List<Tensor> _gradients = [];
    private ForwardOptions _options;
    private Tensor _tokenIds;
    private Tensor _positions;
    private GradientTape? _tape; // that ops are recorded on at this moment
    private bool _running;

    /// <summary>Starts a pass.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batch">Its input.</param>
    /// <param name="options">How to run it.</param>
    /// <param name="cache">Keys and values of the tokens before; only with one sequence, and not when recording.</param>
    public ForwardContext(CausalLanguageModel model, TokenBatch batch, ForwardOptions options = default, KeyValueCache? cache = null)
        : this(model, cache) => Begin(batch, options);

    /// <summary>A context for passes one after another, each from <see cref="Begin"/> to <see cref="End"/>: what they are recorded with is made once.</summary>
    internal ForwardContext(CausalLanguageModel model, KeyValueCache? cache = null)
    {
        Backend = model.Backend;
        (_model, _cache) = (model, cache);
        _objects = new PassObjects(this);
    }

    /// <summary>Where ops run.</summary>
    public Backend Backend { get; }

    /// <summary>The input.</summary>
    public TokenBatch Batch { get; private set; } = null!;

    /// <summary>The type of activations and of their gradients. Logits and the weights of experts are Float32 in any pass.</summary>
    public DType ComputeDType { get; private set; }

    /// <summary>Called with the number and the input of every block as the pass reaches it.</summary>
    public Action<int, Tensor>? BlockReached { get; init; }

    /// <summary>Called with the number of every block when the pass has run it and dropped what it does not keep.</summary>
    internal Action<int>? BlockDone { get; init; }

    /// <summary>Called with the name and the result of every op; for finding the layer where numbers go wrong.</summary>
    internal Action<string, Tensor>? OpDone { get; init; }

    /// <summary>Where dropout masks come from; null when dropout is off.</summary>
    internal DropoutSource? Dropout => _options.Dropout;

    /// <summary>Whether what blocks keep is moved to the host's memory.</summary>
    internal bool Offloads => _options.Checkpointing == GradientCheckpointing.Offload;

    /// <summary>The block that the forward pass has reached.</summary>
    internal int BlockIndex { get; private set; }

    /// <summary>Starts a pass.</summary>
    internal void Begin(TokenBatch batch, ForwardOptions options = default)
    {
        if (_cache is not null && (options.Record || batch.Segments.Length != 1)) throw new ArgumentException("a cache serves one sequence, without recording");
        options.Checkpointing.CheckedFor(Backend.CanOffload);
        batch.CheckFits(_model.Config.VocabSize);
        (Batch, ComputeDType, _options) = (batch, _model.ComputeDType, options);
        _tape = options.Record ? _passTape : null;
        var positions = batch.PositionsFrom(_cache?.Length ?? 0);
        _tokenIds = Backend.Upload<int>(new Shape(batch.TokenCount), DType.Int32, batch.Ids);
        try
        {
            _positions = Backend.Upload<int>(new Shape(batch.TokenCount), DType.Int32, positions);
        }
        catch
        {
            _tokenIds.Dispose();
            throw;
        }

        _running = true;
    }

    /// <summary>Ends the pass and gives back everything it still holds.</summary>
    internal void End()
    {
        if (!_running) return;
        _running = false;
        _passTape.Clear();
        foreach (var activation in _unrecorded) activation.ReleaseValue();
        _unrecorded.Clear();
        _tokenIds.Dispose();
        _positions.Dispose();
        _objects.GiveBack();
        foreach (var gradient in _gradients) gradient.Dispose(); // those that a pass that was broken off did not hand on
        _gradients.Clear();
    }

    /// <summary>Runs the blocks of a model, one after another, as <see cref="Block"/> does.</summary>
    /// <param name="blocks">The blocks.</param>
    /// <param name="x">The input of the first; used up when nothing is recorded.</param>
    public Activation Blocks(IReadOnlyList<IDecoderBlock> blocks, Activation x)
    {
        for (var i = 0; i < blocks.Count; i++) x = Block(blocks[i], x); // an enumerator would be garbage
        return x;
    }

    /// <summary>Runs one block. When recording, what is cheap to compute again is dropped at its end, or with checkpointing everything but the input.</summary>
    /// <param name="block">The block.</param>
    /// <param name="x">Its input; used up when nothing is recorded.</param>
    public Activation Block(IDecoderBlock block, Activation x)
    {
        BlockIndex = block.Layer;
        BlockReached?.Invoke(block.Layer, x.Value);
        var y = RunBlock(block, x);
        BlockDone?.Invoke(block.Layer);
        return y;
    }

    private Activation RunBlock(IDecoderBlock block, Activation x)
    {
        if (_tape is null)
        {
            var y = RunUnrecorded(block, x);
            if (_unrecorded.Remove(x)) x.ReleaseValue();
            return y;
        }

        if (_options.Checkpointing != GradientCheckpointing.None) return Apply(Node<CheckpointNode>().Of(block, x));
        var first = _tape.Count;
        var output = block.Forward(x, this);
        _tape.DropRecomputable(first);
        return output;
    }

    /// <summary>Runs the recorded ops backwards; gradients of parameters are added to.</summary>
    public void Backward() => (_tape ?? throw new InvalidOperationException("nothing was recorded; start the pass with ForwardOptions.Record")).Backward();

    /// <summary>Runs a block and gives back everything it made but its result.</summary>
    internal Activation RunUnrecorded(IDecoderBlock block, Activation x)
    {
        var (tape, first) = (_tape, _unrecorded.Count);
        _tape = null;
        try
        {
            var y = block.Forward(x, this);
            for (var i = first; i < _unrecorded.Count; i++)
            {
                if (_unrecorded[i] != y) _unrecorded[i].ReleaseValue();
            }

            _unrecorded.RemoveRange(first, _unrecorded.Count - first);
            _unrecorded.Add(y);
            return y;
        }
        finally
        {
            _tape = tape;
        }
    }

    /// <summary>
    /// Runs a block on a tape of its own, backwards from a gradient of its output. Ops whose results the backward pass can do without run when another one reads them: the last
    /// layer of most blocks never does.
    /// </summary>
    internal void RunBackward(IDecoderBlock block, Activation x, Tensor gradient, bool owned)
    {
        var outer = _tape;
        _tape = _blockTape;
        try
        {
            if (owned) _gradients.Add(gradient);
            block.Forward(x, this).ContributeGradient(gradient, owned);
            _blockTape.Backward();
        }
        finally
        {
            _blockTape.Clear();
            _tape = outer;
        }
    }

    /// <summary>Takes an activation that nothing is recorded for out of the pass's care.</summary>
    internal void Disown(Activation activation) => _unrecorded.Remove(activation);

    /// <summary>Ends the pass and gives back everything it still holds.</summary>
    public void Dispose() => End();

    /// <summary>A node to record an op with.</summary>
    internal TNode Node<TNode>() where TNode : Node, new() => _objects.Node<TNode>();

    /// <summary>Memory for a gradient that is handed on.</summary>
    internal Tensor NewGradient(Activation of)
    {
        var gradient = Backend.Allocate(of.Shape, of.DType);
        _gradients.Add(gradient);
        return gradient;
    }

    /// <summary>An activation of a value.</summary>
    internal Activation NewActivation(Tensor value, bool ownsValue, bool needsGradient) => _objects.Activation().Of(value, ownsValue, needsGradient);

    /// <summary>An activation whose value is computed when it is asked for, if it is.</summary>
    internal Activation NewDeferred(Shape shape, DType dtype, bool needsGradient) => _objects.Activation().OfDeferred(shape, dtype, needsGradient);

    /// <summary>Runs an op whose node computes its output into a new tensor, or brings its own.</summary>
    internal Activation Apply(Node node)
    {
        var defers = _tape == _blockTape && OpDone is null;
        var output = (defers ? node.Defer() : null) ?? node.Forward();
        OpDone?.Invoke(node.Name, output.Value);
        if (_tape is null)
        {
            node.Release();
            _unrecorded.Add(output);
        }
        else
        {
            node.Output = output;
            output.Producer = node;
            _tape.Record(node);
        }

        return output;
    }
}
