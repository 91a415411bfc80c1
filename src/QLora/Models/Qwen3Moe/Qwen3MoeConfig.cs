using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Qwen3Moe;

/// <summary>The numbers of a Qwen 3 with experts.</summary>
public sealed record Qwen3MoeConfig : DecoderConfig, IModelConfig<Qwen3MoeConfig>
{
    [SetsRequiredMembers]
    private Qwen3MoeConfig(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 4))
    {
        NumExperts = json.Integer("num_local_experts", json.Integer("num_experts", 128, maximum: Largest.Experts), maximum: Largest.Experts);
        ExpertsPerToken = json.Integer("num_experts_per_tok", Math.Min(8, NumExperts), maximum: NumExperts);
        ExpertSize = json.Integer("moe_intermediate_size", 768, maximum: Largest.Width);
        NormalizesWeights = json.Boolean("norm_topk_prob", false);
        var (dense, every) = (json.Integers("mlp_only_layers"), json.Integer("decoder_sparse_step", 1));
        SparseLayers = [.. Enumerable.Range(0, NumHiddenLayers).Select(layer => !dense.Contains(layer) && (layer + 1) % every == 0)];
        SlidingWindow = SwitchedWindow(json, 4096);
    }

    [SetsRequiredMembers]
    private Qwen3MoeConfig(GgufKeys keys) : base(keys)
    {
        NumExperts = keys.Integer("expert_count", maximum: Largest.Experts);
        ExpertsPerToken = keys.Integer("expert_used_count", maximum: NumExperts);
        ExpertSize = keys.Integer("expert_feed_forward_length", maximum: Largest.Width);
        NormalizesWeights = true; // as llama.cpp has it built in
        SparseLayers = [.. Enumerable.Repeat(true, NumHiddenLayers)];
    }

    /// <inheritdoc/>
    public override string ModelType => "qwen3_moe";

    /// <summary>Experts of a sparse layer.</summary>
    public required int NumExperts { get; init; }

    /// <summary>Experts that a token goes through.</summary>
    public required int ExpertsPerToken { get; init; }

    /// <summary>The inner width of an expert.</summary>
    public required int ExpertSize { get; init; }

    /// <summary>Whether the weights of a token's experts are divided by their sum.</summary>
    public bool NormalizesWeights { get; init; }

    /// <summary>Which layers have experts; the others have one MLP.</summary>
    public IReadOnlyList<bool> SparseLayers { get; init; } = [];

    /// <inheritdoc/>
    protected override string Architecture => "Qwen3MoeForCausalLM";

    /// <inheritdoc/>
    public override bool HasQueryKeyNorms => true;

    /// <summary>Whether a layer has experts.</summary>
    public bool IsSparse(int layer) => SparseLayers[layer];

    /// <summary>Whether a layer has one MLP.</summary>
    public bool IsDense(int layer) => !SparseLayers[layer];

    /// <inheritdoc/>
    public static Qwen3MoeConfig FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Qwen3MoeConfig FromGguf(GgufFile file) => new(new GgufKeys(file, "qwen3moe"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        json["num_experts"] = NumExperts;
        json["num_experts_per_tok"] = ExpertsPerToken;
        json["moe_intermediate_size"] = ExpertSize;
        json["norm_topk_prob"] = NormalizesWeights;
        json["mlp_only_layers"] = new JsonArray([.. Enumerable.Range(0, NumHiddenLayers).Where(IsDense).Select(layer => (JsonNode)layer)]);
        WriteSwitchedWindow(json);
        return json;
    }
}
