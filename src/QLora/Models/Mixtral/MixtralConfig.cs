using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Mixtral;

/// <summary>The numbers of a Mixtral.</summary>
public sealed record MixtralConfig : DecoderConfig, IModelConfig<MixtralConfig>
{
    [SetsRequiredMembers]
    private MixtralConfig(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 8, RmsNormEps: 1e-5, RotaryTheta: 1_000_000))
    {
        SlidingWindow = Window(json, 0);
        NumExperts = json.Integer("num_local_experts", 8, maximum: Largest.Experts);
        ExpertsPerToken = json.Integer("num_experts_per_tok", 2, maximum: NumExperts);
    }

    [SetsRequiredMembers]
    private MixtralConfig(GgufKeys keys) : base(keys)
    {
        NumExperts = keys.Integer("expert_count", maximum: Largest.Experts);
        ExpertsPerToken = keys.Integer("expert_used_count", maximum: NumExperts);
    }

    /// <inheritdoc/>
    public override string ModelType => "mixtral";

    /// <summary>Experts of a layer.</summary>
    public required int NumExperts { get; init; }

    /// <summary>Experts that a token goes through.</summary>
    public required int ExpertsPerToken { get; init; }

    /// <inheritdoc/>
    protected override string Architecture => "MixtralForCausalLM";

    /// <inheritdoc/>
    protected override bool GgufInterleavesHeads => true;

    /// <summary>Files of llama's architecture with experts.</summary>
    public static bool Recognizes(GgufFile file) => file.Metadata.GetInteger("llama.expert_count") > 0;

    /// <inheritdoc/>
    public static MixtralConfig FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static MixtralConfig FromGguf(GgufFile file) => new(new GgufKeys(file, "llama"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        WriteWindow(json);
        json["num_local_experts"] = NumExperts;
        json["num_experts_per_tok"] = ExpertsPerToken;
        return json;
    }
}
