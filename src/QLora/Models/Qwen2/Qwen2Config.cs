using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Qwen2;

/// <summary>The numbers of a Qwen 2 or 2.5.</summary>
public sealed record Qwen2Config : DecoderConfig, IModelConfig<Qwen2Config>
{
    [SetsRequiredMembers]
    private Qwen2Config(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 32))
    {
        SlidingLayers = LayerTypes.Read(json, NumHiddenLayers, layer => layer >= json.Integer("max_window_layers", 28, minimum: 0));
        SlidingWindow = SwitchedWindow(json, 4096);
    }

    [SetsRequiredMembers]
    private Qwen2Config(GgufKeys keys) : base(keys) { }

    /// <inheritdoc/>
    public override string ModelType => "qwen2";

    /// <inheritdoc/>
    protected override string Architecture => "Qwen2ForCausalLM";

    /// <inheritdoc/>
    public override bool QueryKeyValueBias => true;

    /// <inheritdoc/>
    public static Qwen2Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Qwen2Config FromGguf(GgufFile file) => new(new GgufKeys(file, "qwen2"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        WriteSwitchedWindow(json);
        return json;
    }
}
