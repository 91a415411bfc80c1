using System.Diagnostics.CodeAnalysis;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Olmo2;

/// <summary>The numbers of an OLMo 2.</summary>
public sealed record Olmo2Config : DecoderConfig, IModelConfig<Olmo2Config>
{
    [SetsRequiredMembers]
    private Olmo2Config(ConfigJson json) : base(json, new DecoderDefaults(RmsNormEps: 1e-5)) { }

    [SetsRequiredMembers]
    private Olmo2Config(GgufKeys keys) : base(keys)
    {
        if (keys.Has("attention.sliding_window")) throw keys.Error("attention.sliding_window", "is that of an OLMo 3, which is not supported; expected an OLMo 2");
    }

    /// <inheritdoc/>
    public override string ModelType => "olmo2";

    /// <inheritdoc/>
    protected override string Architecture => "Olmo2ForCausalLM";

    /// <inheritdoc/>
    public override bool HasQueryKeyNorms => true;

    /// <inheritdoc/>
    public override int QueryNormSize => QuerySize;

    /// <inheritdoc/>
    public override int KeyNormSize => KeyValueSize;

    /// <inheritdoc/>
    public static Olmo2Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Olmo2Config FromGguf(GgufFile file) => new(new GgufKeys(file, "olmo2"));
}
