using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Backends;
using QLora.Layers;

namespace QLora.Models;

/// <summary>
/// The numbers of the families that followed Llama: grouped query heads with rotary positions and a gated MLP. A family says where it differs by overriding, and reads what it
/// adds.
/// </summary>
public abstract record DecoderConfig : ModelConfig
{
    /// <summary>A config to be filled in.</summary>
    protected DecoderConfig() { }

    /// <summary>Reads what the families share.</summary>
    /// <param name="json">config.json.</param>
    /// <param name="defaults">What transformers takes for this family where a field is missing.</param>
    /// <exception cref="QLoraException">A field is missing, of the wrong kind, or contradicts another; the message names it.</exception>
    [SetsRequiredMembers]
    protected DecoderConfig(ConfigJson json, DecoderDefaults defaults)
    {
        VocabSize = json.Integer("vocab_size", maximum: Largest.Vocabulary);
        HiddenSize = json.Integer("hidden_size", maximum: Largest.Width);
        NumHiddenLayers = json.Integer("num_hidden_layers", maximum: Largest.Layers);
        MaxPositionEmbeddings = json.Integer("max_position_embeddings");
        TieWordEmbeddings = json.Boolean("tie_word_embeddings", defaults.TieWordEmbeddings);
        BosTokenId = json.OptionalInteger("bos_token_id", minimum: 0);
        EosTokenIds = json.Integers("eos_token_id");
        IntermediateSize = json.Integer("intermediate_size", maximum: Largest.Width);
        NumAttentionHeads = json.Integer("num_attention_heads", maximum: Largest.Width);
        NumKeyValueHeads = json.Integer("num_key_value_heads", (json.IsNull("num_key_value_heads") ? null : defaults.KeyHeads) ?? NumAttentionHeads);
        if (NumAttentionHeads % NumKeyValueHeads != 0) throw json.Error("num_key_value_heads", $"is {NumKeyValueHeads}, which does not divide num_attention_heads {NumAttentionHeads}");
        var headSize = json.IsNull("head_dim") ? null : defaults.HeadSize;
        if (json.OptionalInteger("head_dim") is null && headSize is null && HiddenSize % NumAttentionHeads != 0)
        {
            throw json.Error("num_attention_heads", $"is {NumAttentionHeads}, which does not divide hidden_size {HiddenSize}");
        }

        HeadSize = json.Integer("head_dim", headSize ?? HiddenSize / NumAttentionHeads);
        if (HeadSize % 2 != 0) throw json.Error("head_dim", $"is {HeadSize}, which rotary positions cannot halve");
        if (HeadSize > Largest.Width / NumAttentionHeads)
        {
            throw json.Error("head_dim", $"is {HeadSize}; {NumAttentionHeads} heads of it are too many, expected {Largest.Width} elements at most");
        }

        var activation = json.String(defaults.ActivationField, defaults.Activations[0]);
        if (!defaults.Activations.Contains(activation)) throw json.Error(defaults.ActivationField, $"'{activation}' is not supported for {ModelType}; expected {defaults.Activations[0]}");
        var epsilon = json.Number("rms_norm_eps", defaults.RmsNormEps);
        if (!(epsilon > 0)) throw json.Error("rms_norm_eps", $"is {epsilon}, expected a number above 0");
        RmsNormEps = (float)epsilon;
        Rotary = RotaryConfig.Read(json, HeadSize, MaxPositionEmbeddings, defaults.RotaryTheta, defaults.RotatesPartly);
        AttentionBias = json.Boolean("attention_bias", false);
        MlpBias = json.Boolean("mlp_bias", false);
    }

    /// <summary>Reads what the families share from the metadata of a GGUF file.</summary>
    /// <exception cref="QLoraException">A key is missing, of the wrong kind, or contradicts another; the message names it.</exception>
    [SetsRequiredMembers]
    private protected DecoderConfig(GgufKeys keys, double defaultTheta = 10000)
    {
        VocabSize = keys.VocabSize();
        HiddenSize = keys.Integer("embedding_length", maximum: Largest.Width);
        NumHiddenLayers = keys.Integer("block_count", maximum: Largest.Layers);
        MaxPositionEmbeddings = keys.Integer("context_length");
        TieWordEmbeddings = !keys.HasTensor("output.weight");
        BosTokenId = keys.TokenId("bos");
        EosTokenIds = keys.TokenId("eos") is { } eos ? [eos] : [];
        IntermediateSize = keys.Integer("feed_forward_length", maximum: Largest.Width);
        NumAttentionHeads = keys.Integer("attention.head_count", maximum: Largest.Width);
        NumKeyValueHeads = keys.Integer("attention.head_count_kv", NumAttentionHeads);
        if (NumAttentionHeads % NumKeyValueHeads != 0) throw keys.Error("attention.head_count_kv", $"is {NumKeyValueHeads}, which does not divide the {NumAttentionHeads} heads");
        if (HiddenSize % NumAttentionHeads != 0 && !keys.Has("attention.key_length"))
        {
            throw keys.Error("attention.head_count", $"is {NumAttentionHeads}, which does not divide embedding_length {HiddenSize}");
        }

        HeadSize = keys.Integer("attention.key_length", HiddenSize / NumAttentionHeads, Largest.Width / NumAttentionHeads);
        if (HeadSize % 2 != 0) throw keys.Error("attention.key_length", $"is {HeadSize}, which rotary positions cannot halve");
        if (keys.Integer("attention.value_length", HeadSize) is var valueSize && valueSize != HeadSize) throw keys.Error("attention.value_length", $"is {valueSize}, expected the keys' {HeadSize}");
        RmsNormEps = (float)keys.Number("attention.layer_norm_rms_epsilon", above: 0);
        Rotary = keys.Rotary(HeadSize, MaxPositionEmbeddings, defaultTheta);
        AttentionBias = keys.HasTensor("blk.0.attn_output.bias");
        MlpBias = keys.HasTensor("blk.0.ffn_gate.bias");
    }

    /// <summary>The inner width of the MLP.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Query heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>Elements of one head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Added to the mean square in every norm.</summary>
    public required float RmsNormEps { get; init; }

    /// <summary>Base and scaling of the rotary angles.</summary>
    public required RotaryParameters Rotary { get; init; }

    /// <summary>Whether the attention's linear layers have biases.</summary>
    public bool AttentionBias { get; init; }

    /// <summary>Whether the MLP's linear layers have biases.</summary>
    public bool MlpBias { get; init; }

    /// <summary>How many keys a query sees at most in sliding layers; 0 when there are none.</summary>
    public int SlidingWindow { get; init; }

    /// <summary>Which layers see no further than the window; null for all of them, when there is one.</summary>
    public IReadOnlyList<bool>? SlidingLayers { get; init; }

    /// <summary>What the attention's scores stay below; 0 for no limit.</summary>
    public float ScoreSoftCap { get; init; }

    /// <summary>Factor of the attention's scores.</summary>
    public virtual float ScoreScale => 1 / MathF.Sqrt(HeadSize);

    /// <summary>Whether queries, keys and values have biases.</summary>
    public virtual bool QueryKeyValueBias => AttentionBias;

    /// <summary>Whether queries and keys are normed before they are rotated.</summary>
    public virtual bool HasQueryKeyNorms => false;

    /// <summary>Elements that the query norm takes at a time.</summary>
    public virtual int QueryNormSize => HeadSize;

    /// <summary>Elements that the key norm takes at a time.</summary>
    public virtual int KeyNormSize => HeadSize;

    /// <summary>Whether Hugging Face checkpoints hold the weights of norms minus one.</summary>
    public virtual bool NormsStoredMinusOne => false;

    /// <summary>Whether the MLP's gate is a GELU rather than a SiLU.</summary>
    public virtual bool MlpIsGelu => false;

    /// <summary>Whether llama.cpp interleaves the rows of rotary heads for this family.</summary>
    protected virtual bool GgufInterleavesHeads => false;

    /// <summary>Query heads whose rows GGUF files interleave.</summary>
    public int GgufRotaryQueryHeads => GgufInterleavesHeads ? NumAttentionHeads : 0;

    /// <summary>Key heads whose rows GGUF files interleave.</summary>
    public int GgufRotaryKeyHeads => GgufInterleavesHeads ? NumKeyValueHeads : 0;

    /// <summary>All query heads together.</summary>
    public int QuerySize => NumAttentionHeads * HeadSize;

    /// <summary>All key heads together.</summary>
    public int KeyValueSize => NumKeyValueHeads * HeadSize;

    /// <inheritdoc/>
    public override AttentionShape AttentionShape => new(NumAttentionHeads, NumKeyValueHeads, HeadSize);

    /// <inheritdoc/>
    public override int ContextLength => Rotary.StretchedContext(MaxPositionEmbeddings);

    /// <inheritdoc/>
    public override int CacheableLength => Rotary.DependsOnLength ? Rotary.OriginalContext : int.MaxValue;

    /// <summary>Scale, window and cap of the scores in one layer.</summary>
    public AttentionOptions AttentionAt(int layer) => new(ScoreScale, IsSliding(layer) ? SlidingWindow : 0, ScoreSoftCap);

    /// <summary>The rotary angles of one layer; null where positions are not rotated in.</summary>
    public virtual RotaryParameters? RotaryAt(int layer) => Rotary;

    /// <inheritdoc/>
    public override JsonObject ToJson() => new()
    {
        ["architectures"] = new JsonArray(Architecture),
        ["model_type"] = ModelType,
        ["vocab_size"] = VocabSize,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = NumHiddenLayers,
        ["num_attention_heads"] = NumAttentionHeads,
        ["num_key_value_heads"] = NumKeyValueHeads,
        ["head_dim"] = HeadSize,
        [MlpIsGelu ? "hidden_activation" : "hidden_act"] = MlpIsGelu ? "gelu_pytorch_tanh" : "silu",
        ["max_position_embeddings"] = MaxPositionEmbeddings,
        ["rms_norm_eps"] = Shortest(RmsNormEps),
        ["attention_bias"] = AttentionBias,
        ["mlp_bias"] = MlpBias,
        ["tie_word_embeddings"] = TieWordEmbeddings,
        ["bos_token_id"] = BosTokenId,
        ["eos_token_id"] = EosToJson(),
        ["rope_theta"] = Rotary.Theta,
        ["rope_scaling"] = RotaryConfig.WriteScaling(Rotary),
    };

    /// <summary>The class of transformers that <c>architectures</c> names.</summary>
    protected abstract string Architecture { get; }

    /// <summary>Whether a layer's attention slides.</summary>
    protected bool IsSliding(int layer) => SlidingWindow > 0 && (SlidingLayers is null || SlidingLayers[layer]);

    /// <summary>The window of the attention; 0 where the field says null.</summary>
    protected static int Window(ConfigJson json, int fallback) => json.IsNull("sliding_window") ? 0 : json.Integer("sliding_window", fallback);

    /// <summary>The window of families that have a switch for it; 0 where it is off.</summary>
    protected static int SwitchedWindow(ConfigJson json, int fallback) => json.Boolean("use_sliding_window", false) ? Window(json, fallback) : 0;

    /// <summary>The window in the form of the families that have a switch for it.</summary>
    protected void WriteSwitchedWindow(JsonObject json)
    {
        json["use_sliding_window"] = SlidingWindow > 0;
        WriteWindow(json);
        if (SlidingWindow > 0 && SlidingLayers is not null) json["layer_types"] = LayerTypes.Write(SlidingLayers);
    }

    /// <summary>The window in the form that <see cref="Window"/> reads.</summary>
    protected void WriteWindow(JsonObject json) => json["sliding_window"] = SlidingWindow == 0 ? null : SlidingWindow;

    /// <summary>A number above 0.</summary>
    protected static float Factor(ConfigJson json, string field, double fallback)
        => json.Number(field, fallback) is var value && value > 0 ? (float)value : throw json.Error(field, $"is {value}, expected a number above 0");

    /// <summary>What something stays below; 0, for no limit, where the field says null.</summary>
    protected static float Cap(ConfigJson json, string field, double? fallback)
        => json.IsNull(field) || (fallback is null && !json.Has(field)) ? 0 : Factor(json, field, fallback ?? 0);
}

/// <summary>What transformers takes for a family where config.json has no such field.</summary>
/// <param name="KeyHeads">Key heads; null for as many as query heads.</param>
/// <param name="HeadSize">Elements of a head; null for the hidden size over the heads.</param>
/// <param name="RmsNormEps">The norms' epsilon.</param>
/// <param name="RotaryTheta">The base of the rotary frequencies.</param>
/// <param name="TieWordEmbeddings">Whether the head is the embedding.</param>
public sealed record DecoderDefaults(int? KeyHeads = null, int? HeadSize = null, double RmsNormEps = 1e-6, double RotaryTheta = 10000, bool TieWordEmbeddings = false)
{
    /// <summary>The field that names the activation of the MLP.</summary>
    public string ActivationField { get; init; } = "hidden_act";

    /// <summary>The names of the activation that the family computes with, the first of them the default.</summary>
    public IReadOnlyList<string> Activations { get; init; } = ["silu", "swish"];

    /// <summary>Whether the family knows heads that are rotated in part.</summary>
    public bool RotatesPartly { get; init; }
}
