using System.Globalization;
using System.Text.Json.Nodes;
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

    /// <summary>Factor of the logits.</summary>
    public virtual float LogitScale => 1;

    /// <summary>What the logits stay below: each becomes cap · tanh(logit / cap); 0 for no limit.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>The heads of the attention.</summary>
    public abstract AttentionShape AttentionShape { get; }

    /// <summary>The fields of config.json that describe this model, as transformers writes them.</summary>
    public abstract JsonObject ToJson();

    /// <summary>A float as the double that reads like it: 1e-5, not 9.999999747378752e-06.</summary>
    protected static double Shortest(float value) => double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary><c>eos_token_id</c>: nothing, a number, or a list of them.</summary>
    protected JsonNode? EosToJson() => EosTokenIds.Count switch
    {
        0 => null,
        1 => EosTokenIds[0],
        _ => new JsonArray([.. EosTokenIds.Select(id => (JsonNode)id)]),
    };
}
