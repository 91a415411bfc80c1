using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Qwen3;

/// <summary>The numbers of a Qwen 3.</summary>
public sealed record Qwen3Config : DecoderConfig, IModelConfig<Qwen3Config>
{
    [SetsRequiredMembers]
    private Qwen3Config(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 32, HeadSize: 128))
    {
        SlidingLayers = LayerTypes.Read(json, NumHiddenLayers, layer => layer >= json.Integer("max_window_layers", 28, minimum: 0));
        SlidingWindow = SwitchedWindow(json, 4096);
    }

    [SetsRequiredMembers]
    private Qwen3Config(GgufKeys keys) : base(keys) { }

    /// <inheritdoc/>
    public override string ModelType => "qwen3";

    /// <inheritdoc/>
    protected override string Architecture => "Qwen3ForCausalLM";

    /// <inheritdoc/>
    public override bool HasQueryKeyNorms => true;

    /// <inheritdoc/>
    public static Qwen3Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Qwen3Config FromGguf(GgufFile file) => new(new GgufKeys(file, "qwen3"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        WriteSwitchedWindow(json);
        return json;
    }
}
