using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Mistral;

/// <summary>The numbers of a Mistral.</summary>
public sealed record MistralConfig : DecoderConfig, IModelConfig<MistralConfig>
{
    [SetsRequiredMembers]
    private MistralConfig(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 8))
    {
        SlidingWindow = Window(json, 4096);
    }

    [SetsRequiredMembers]
    private MistralConfig(GgufKeys keys) : base(keys)
    {
        SlidingWindow = keys.Integer("attention.sliding_window");
    }

    /// <inheritdoc/>
    public override string ModelType => "mistral";

    /// <inheritdoc/>
    protected override string Architecture => "MistralForCausalLM";

    /// <inheritdoc/>
    protected override bool GgufInterleavesHeads => true;

    /// <summary>Files of llama's architecture with a window; llama.cpp's converter writes none, and those are read as Llama's, which computes the same within the window.</summary>
    public static bool Recognizes(GgufFile file) => file.Metadata.GetInteger("llama.attention.sliding_window") > 0;

    /// <inheritdoc/>
    public static MistralConfig FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static MistralConfig FromGguf(GgufFile file) => new(new GgufKeys(file, "llama"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        WriteWindow(json);
        return json;
    }
}
