using QLora.Layers;

namespace QLora.Models;

/// <summary>What every decoder-only model is, in numbers; a family adds its own.</summary>
public abstract record ModelConfig
{
    /// <summary><c>model_type</c>.</summary>
    public abstract string ModelType { get; }

    /// <summary>The number of tokens.</summary>
    public required int VocabSize { get; init; }

    /// <summary>The width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>The number of blocks.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>The longest sequence the model was made for.</summary>
    public required int MaxPositionEmbeddings { get; init; }

    /// <summary>The longest sequence that text may be generated up to: more than <see cref="MaxPositionEmbeddings"/> where the rotary angles stretch.</summary>
    public virtual int ContextLength => MaxPositionEmbeddings;

    /// <summary>The longest sequence whose keys may be kept for the next token; beyond it all keys change with the length.</summary>
    public virtual int CacheableLength => int.MaxValue;

    /// <summary>Whether the output head is the embedding.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>The token that begins a sequence, where there is one.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>The tokens that end one.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Heads and scale of the attention.</summary>
    public abstract AttentionShape AttentionShape { get; }

    /// <summary>The fields of config.json that describe this model, as transformers writes them.</summary>
    public abstract System.Text.Json.Nodes.JsonObject ToJson();
}
