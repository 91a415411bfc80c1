using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Granite;

/// <summary>The numbers of a Granite 3.</summary>
public sealed record GraniteConfig : DecoderConfig, IModelConfig<GraniteConfig>
{
    [SetsRequiredMembers]
    private GraniteConfig(ConfigJson json) : base(json, new DecoderDefaults())
    {
        EmbeddingMultiplier = Factor(json, "embedding_multiplier", 1);
        AttentionMultiplier = Factor(json, "attention_multiplier", 1);
        ResidualMultiplier = Factor(json, "residual_multiplier", 1);
        LogitsScaling = Factor(json, "logits_scaling", 1);
    }

    [SetsRequiredMembers]
    private GraniteConfig(GgufKeys keys) : base(keys)
    {
        EmbeddingMultiplier = (float)keys.Number("embedding_scale", above: 0, 1);
        AttentionMultiplier = (float)keys.Number("attention.scale", above: 0, 1);
        ResidualMultiplier = (float)keys.Number("residual_scale", above: 0, 1);
        LogitsScaling = (float)keys.Number("logit_scale", above: 0, 1);
    }

    /// <inheritdoc/>
    public override string ModelType => "granite";

    /// <summary>Factor of the embeddings.</summary>
    public float EmbeddingMultiplier { get; init; } = 1;

    /// <summary>Factor of the scores.</summary>
    public float AttentionMultiplier { get; init; } = 1;

    /// <summary>Factor of what attention and MLP add to the residual stream.</summary>
    public float ResidualMultiplier { get; init; } = 1;

    /// <summary>Divisor of the logits.</summary>
    public float LogitsScaling { get; init; } = 1;

    /// <inheritdoc/>
    protected override string Architecture => "GraniteForCausalLM";

    /// <inheritdoc/>
    protected override bool GgufInterleavesHeads => true;

    /// <inheritdoc/>
    public override float LogitScale => 1 / LogitsScaling;

    /// <inheritdoc/>
    public override float ScoreScale => AttentionMultiplier;

    /// <inheritdoc/>
    public static GraniteConfig FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static GraniteConfig FromGguf(GgufFile file) => new(new GgufKeys(file, "granite"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        json["embedding_multiplier"] = Shortest(EmbeddingMultiplier);
        json["attention_multiplier"] = Shortest(AttentionMultiplier);
        json["residual_multiplier"] = Shortest(ResidualMultiplier);
        json["logits_scaling"] = Shortest(LogitsScaling);
        return json;
    }
}
