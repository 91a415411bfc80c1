using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Phi3;

/// <summary>The numbers of a Phi-3.</summary>
public sealed record Phi3Config : DecoderConfig, IModelConfig<Phi3Config>
{
    [SetsRequiredMembers]
    private Phi3Config(ConfigJson json) : base(json, new DecoderDefaults(RmsNormEps: 1e-5) { RotatesPartly = true })
    {
        SlidingWindow = Window(json, 0);
    }

    [SetsRequiredMembers]
    private Phi3Config(GgufKeys keys) : base(keys)
    {
        SlidingWindow = keys.Has("attention.sliding_window") ? keys.Integer("attention.sliding_window") : 0;
    }

    /// <inheritdoc/>
    public override string ModelType => "phi3";

    /// <inheritdoc/>
    protected override string Architecture => "Phi3ForCausalLM";

    /// <summary>Queries, keys and values together.</summary>
    public int QueryKeyValueSize => QuerySize + 2 * KeyValueSize;

    /// <summary>The gate and what it lets through together.</summary>
    public int GateUpSize => 2 * IntermediateSize;

    /// <inheritdoc/>
    public static Phi3Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Phi3Config FromGguf(GgufFile file) => new(new GgufKeys(file, "phi3"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        json["partial_rotary_factor"] = (double)Rotary.Dimensions / HeadSize;
        WriteWindow(json);
        return json;
    }
}
