using System.Diagnostics.CodeAnalysis;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Llama;

/// <summary>The numbers of a model of Llama's architecture.</summary>
public sealed record LlamaConfig : DecoderConfig, IModelConfig<LlamaConfig>
{
    /// <summary>A config to be filled in.</summary>
    public LlamaConfig() { }

    [SetsRequiredMembers]
    private LlamaConfig(ConfigJson json) : base(json, new DecoderDefaults()) { }

    [SetsRequiredMembers]
    private LlamaConfig(GgufKeys keys) : base(keys) { }

    /// <inheritdoc/>
    public override string ModelType => "llama";

    /// <inheritdoc/>
    protected override string Architecture => "LlamaForCausalLM";

    /// <inheritdoc/>
    protected override bool GgufInterleavesHeads => true;

    /// <inheritdoc/>
    public static LlamaConfig FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static LlamaConfig FromGguf(GgufFile file) => new(new GgufKeys(file, "llama"));
}
