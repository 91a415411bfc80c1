using QLora.Backends;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Generation;

/// <summary>
/// Keys and values of the tokens that one sequence has seen so far, per block, so that each new token is computed once. Its memory grows with what it holds.
/// </summary>
public sealed class KeyValueCache : IDisposable
{
    private const int SmallestCapacity = 64;

    private readonly Backend _backend;
    private readonly Shape _token; // (1, keyHeads, headSize)
    private readonly DType _dtype;
    private readonly (Tensor Keys, Tensor Values)?[] _blocks;

    /// <summary>An empty cache, which takes no memory yet.</summary>
    /// <param name="model">The model whose keys and values it takes.</param>
    /// <param name="maxLength">The most tokens it may hold, at least 1.</param>
    public KeyValueCache(CausalLanguageModel model, int maxLength)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 1);
        _backend = model.Backend;
        MaxLength = maxLength;
        _token = new Shape(1, model.Config.AttentionShape.KeyHeads, model.Config.AttentionShape.HeadSize);
        _dtype = model.ComputeDType;
        _blocks = new (Tensor, Tensor)?[model.Config.NumHiddenLayers];
    }

    /// <summary>The most tokens it may hold.</summary>
    public int MaxLength { get; }

    /// <summary>The tokens it holds.</summary>
    public int Length { get; private set; }

    /// <summary>Forgets all tokens; the memory stays for the next ones.</summary>
    public void Clear() => Length = 0;

    /// <summary>Says that a pass over <paramref name="tokens"/> tokens is complete in every block.</summary>
    internal void Advance(int tokens) => Length += tokens;

    /// <summary>Adds the keys and values of new tokens to one block.</summary>
    /// <returns>All keys and values of the block so far, and where the new tokens' queries stand among them.</returns>
    internal (Tensor Keys, Tensor Values, AttentionSegment Segment) Append(int block, Tensor keys, Tensor values)
    {
        var length = Length + keys.Rows;
        if (length > MaxLength) throw new QLoraException($"the cache may hold {MaxLength} tokens and is asked to hold {length}");
        if (_blocks[block] is not { } held || held.Keys.Rows < length) held = Grow(block, length);
        _backend.Copy(keys, held.Keys.Slice(Length, keys.Rows));
        _backend.Copy(values, held.Values.Slice(Length, keys.Rows));
        return (held.Keys.Slice(0, length), held.Values.Slice(0, length), new AttentionSegment(0, keys.Rows, 0, length));
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        for (var i = 0; i < _blocks.Length; i++) Release(i);
    }

    /// <summary>Twice the room at least, so that a long answer copies each token a few times only.</summary>
    private (Tensor Keys, Tensor Values) Grow(int block, int length)
    {
        var capacity = (int)Math.Min(MaxLength, Math.Max(SmallestCapacity, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length)));
        var shape = new Shape(capacity, _token[1], _token[2]);
        var grown = (Keys: _backend.Allocate(shape, _dtype), Values: _backend.Allocate(shape, _dtype));
        if (Length > 0 && _blocks[block] is { } held)
        {
            _backend.Copy(held.Keys.Slice(0, Length), grown.Keys.Slice(0, Length));
            _backend.Copy(held.Values.Slice(0, Length), grown.Values.Slice(0, Length));
        }

        Release(block);
        _blocks[block] = grown;
        return grown;
    }

    private void Release(int block)
    {
        _blocks[block]?.Keys.Dispose();
        _blocks[block]?.Values.Dispose();
        _blocks[block] = null;
    }
}
