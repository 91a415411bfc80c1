using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;
using QLora.Layers;

namespace QLora.Models.Gemma3;

/// <summary>The numbers of a Gemma 3.</summary>
public sealed record Gemma3Config : DecoderConfig, IModelConfig<Gemma3Config>
{
    [SetsRequiredMembers]
    private Gemma3Config(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 4, HeadSize: 256, RotaryTheta: 1_000_000, TieWordEmbeddings: true)
    {
        ActivationField = "hidden_activation",
        Activations = ["gelu_pytorch_tanh"],
    })
    {
        QueryPreAttentionScalar = json.Integer("query_pre_attn_scalar", 256);
        ScoreSoftCap = Cap(json, "attn_logit_softcapping", null);
        LogitSoftCap = Cap(json, "final_logit_softcapping", null);
        SlidingWindow = Window(json, 4096);
        var pattern = json.Integer("sliding_window_pattern", json.Integer("_sliding_window_pattern", 6));
        SlidingLayers = LayerTypes.Read(json, NumHiddenLayers, layer => (layer + 1) % pattern != 0);
        var local = json.Object("rope_parameters")?.Object("sliding_attention")?.Number("rope_theta", 10000) ?? json.Number("rope_local_base_freq", 10000);
        if (!(local > 1)) throw json.Error("rope_local_base_freq", $"is {local}, expected a number above 1");
        LocalRotary = new RotaryParameters(HeadSize, local);
    }

    [SetsRequiredMembers]
    private Gemma3Config(GgufKeys keys) : base(keys, defaultTheta: 1_000_000)
    {
        QueryPreAttentionScalar = NumHiddenLayers == 62 ? (float)HiddenSize / NumAttentionHeads : HeadSize; // llama.cpp knows the 27B model by its layers
        SlidingWindow = keys.Integer("attention.sliding_window", 4096);
        SlidingLayers = [.. Enumerable.Range(1, NumHiddenLayers).Select(layer => layer % 6 != 0)];
        LocalRotary = new RotaryParameters(HeadSize, keys.Number("rope.freq_base_swa", above: 1, 10000));
    }

    /// <inheritdoc/>
    public override string ModelType => "gemma3_text";

    /// <summary>The scores' factor is one over the root of this.</summary>
    public required float QueryPreAttentionScalar { get; init; }

    /// <summary>The rotary angles of the layers that attend within the window.</summary>
    public required RotaryParameters LocalRotary { get; init; }

    /// <inheritdoc/>
    protected override string Architecture => "Gemma3ForCausalLM";

    /// <inheritdoc/>
    public override bool NormsStoredMinusOne => true;

    /// <inheritdoc/>
    public override bool MlpIsGelu => true;

    /// <inheritdoc/>
    public override bool HasQueryKeyNorms => true;

    /// <inheritdoc/>
    public override float ScoreScale => 1 / MathF.Sqrt(QueryPreAttentionScalar);

    /// <inheritdoc/>
    public override RotaryParameters? RotaryAt(int layer) => IsSliding(layer) ? LocalRotary : Rotary;

    /// <inheritdoc/>
    public static Gemma3Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Gemma3Config FromGguf(GgufFile file) => new(new GgufKeys(file, "gemma3"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        json["query_pre_attn_scalar"] = (int)QueryPreAttentionScalar;
        json["attn_logit_softcapping"] = ScoreSoftCap == 0 ? null : Shortest(ScoreSoftCap);
        json["final_logit_softcapping"] = LogitSoftCap == 0 ? null : Shortest(LogitSoftCap);
        json["sliding_window"] = SlidingWindow;
        json["layer_types"] = LayerTypes.Write(SlidingLayers!);
        json["rope_local_base_freq"] = LocalRotary.Theta;
        return json;
    }
}
