using QLora.Backends;
using QLora.Layers;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Generation;

/// <summary>Keys and values of the tokens that one sequence has seen so far, per block, so that each new token is computed once.</summary>
public sealed class KeyValueCache : IDisposable
{
    private readonly Backend _backend;
    private readonly (Tensor Keys, Tensor Values)[] _blocks;

    /// <summary>An empty cache.</summary>
    /// <param name="model">The model whose keys and values it takes.</param>
    /// <param name="capacity">The most tokens it can hold, at least 1.</param>
    public KeyValueCache(CausalLanguageModel model, int capacity)
    {
        _backend = model.Backend;
        Capacity = capacity;
        var (heads, size) = (model.Config.AttentionShape.KeyHeads, model.Config.AttentionShape.HeadSize);
        _blocks = new (Tensor, Tensor)[model.Config.NumHiddenLayers];
        for (var i = 0; i < _blocks.Length; i++)
        {
            _blocks[i] = (_backend.Allocate(new Shape(capacity, heads, size)), _backend.Allocate(new Shape(capacity, heads, size)));
        }
    }

    /// <summary>The most tokens it can hold.</summary>
    public int Capacity { get; }

    /// <summary>The tokens it holds.</summary>
    public int Length { get; private set; }

    /// <summary>Says that a pass over <paramref name="tokens"/> tokens is complete in every block.</summary>
    internal void Advance(int tokens) => Length += tokens;

    /// <summary>Adds the keys and values of new tokens to one block.</summary>
    /// <returns>All keys and values of the block so far, and where the new tokens' queries stand among them.</returns>
    internal (Tensor Keys, Tensor Values, AttentionSegment Segment) Append(int block, Tensor keys, Tensor values)
    {
        var count = keys.Rows;
        if (Length + count > Capacity) throw new QLoraException($"the cache holds {Capacity} tokens and is asked to hold {Length + count}");
        var (allKeys, allValues) = _blocks[block];
        _backend.Copy(keys, allKeys.Slice(Length, count));
        _backend.Copy(values, allValues.Slice(Length, count));
        return (allKeys.Slice(0, Length + count), allValues.Slice(0, Length + count), new AttentionSegment(0, count, 0, Length + count));
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (var (keys, values) in _blocks)
        {
            keys.Dispose();
            values.Dispose();
        }
    }
}
