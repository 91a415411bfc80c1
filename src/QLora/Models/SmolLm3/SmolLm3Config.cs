using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;
using QLora.Layers;

namespace QLora.Models.SmolLm3;

/// <summary>The numbers of a SmolLM3.</summary>
public sealed record SmolLm3Config : DecoderConfig, IModelConfig<SmolLm3Config>
{
    [SetsRequiredMembers]
    private SmolLm3Config(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 4, RotaryTheta: 2_000_000, TieWordEmbeddings: true))
    {
        var interval = json.Integer("no_rope_layer_interval", 4);
        var rotates = json.Integers("no_rope_layers"); // 1 where positions are rotated in, in spite of the name
        RotaryLayers = rotates.Count switch
        {
            0 => [.. Enumerable.Range(1, NumHiddenLayers).Select(layer => layer % interval != 0)],
            var count when count == NumHiddenLayers => [.. rotates.Select(rotates => rotates != 0)],
            var count => throw json.Error("no_rope_layers", $"has {count} entries, expected {NumHiddenLayers}, one for each layer"),
        };
        SlidingLayers = LayerTypes.Read(json, NumHiddenLayers, layer => !RotaryLayers[layer]);
        SlidingWindow = SwitchedWindow(json, 0);
    }

    [SetsRequiredMembers]
    private SmolLm3Config(GgufKeys keys) : base(keys)
    {
        RotaryLayers = [.. Enumerable.Range(1, NumHiddenLayers).Select(layer => layer % 4 != 0)]; // as llama.cpp has it built in
    }

    /// <inheritdoc/>
    public override string ModelType => "smollm3";

    /// <summary>Which layers rotate positions in.</summary>
    public IReadOnlyList<bool> RotaryLayers { get; init; } = [];

    /// <inheritdoc/>
    protected override string Architecture => "SmolLM3ForCausalLM";

    /// <inheritdoc/>
    protected override bool GgufInterleavesHeads => true;

    /// <inheritdoc/>
    public override RotaryParameters? RotaryAt(int layer) => RotaryLayers[layer] ? Rotary : null;

    /// <inheritdoc/>
    public static SmolLm3Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static SmolLm3Config FromGguf(GgufFile file) => new(new GgufKeys(file, "smollm3"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        json["no_rope_layers"] = new JsonArray([.. RotaryLayers.Select(rotates => (JsonNode)(rotates ? 1 : 0))]);
        WriteSwitchedWindow(json);
        return json;
    }
}
