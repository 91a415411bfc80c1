using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using QLora.Checkpoints.Gguf;

namespace QLora.Models.Gemma2;

/// <summary>The numbers of a Gemma 2.</summary>
public sealed record Gemma2Config : DecoderConfig, IModelConfig<Gemma2Config>
{
    [SetsRequiredMembers]
    private Gemma2Config(ConfigJson json) : base(json, new DecoderDefaults(KeyHeads: 4, HeadSize: 256, TieWordEmbeddings: true)
    {
        ActivationField = "hidden_activation",
        Activations = ["gelu_pytorch_tanh"],
    })
    {
        QueryPreAttentionScalar = json.Integer("query_pre_attn_scalar", 256);
        ScoreSoftCap = Cap(json, "attn_logit_softcapping", 50);
        LogitSoftCap = Cap(json, "final_logit_softcapping", 30);
        SlidingWindow = Window(json, 4096);
        SlidingLayers = LayerTypes.Read(json, NumHiddenLayers, layer => layer % 2 == 0);
    }

    [SetsRequiredMembers]
    private Gemma2Config(GgufKeys keys) : base(keys)
    {
        QueryPreAttentionScalar = NumHiddenLayers == 46 ? (float)HiddenSize / NumAttentionHeads : HeadSize; // llama.cpp knows the 27B model by its layers
        ScoreSoftCap = (float)keys.Number("attn_logit_softcapping", above: 0, 50);
        LogitSoftCap = (float)keys.Number("final_logit_softcapping", above: 0, 30);
        SlidingWindow = keys.Integer("attention.sliding_window", 4096);
        SlidingLayers = [.. Enumerable.Range(0, NumHiddenLayers).Select(layer => layer % 2 == 0)];
    }

    /// <inheritdoc/>
    public override string ModelType => "gemma2";

    /// <summary>The scores' factor is one over the root of this.</summary>
    public required float QueryPreAttentionScalar { get; init; }

    /// <inheritdoc/>
    protected override string Architecture => "Gemma2ForCausalLM";

    /// <inheritdoc/>
    public override bool NormsStoredMinusOne => true;

    /// <inheritdoc/>
    public override bool MlpIsGelu => true;

    /// <inheritdoc/>
    public override float ScoreScale => 1 / MathF.Sqrt(QueryPreAttentionScalar);

    /// <inheritdoc/>
    public static Gemma2Config FromJson(ConfigJson json) => new(json);

    /// <inheritdoc/>
    public static Gemma2Config FromGguf(GgufFile file) => new(new GgufKeys(file, "gemma2"));

    /// <inheritdoc/>
    public override JsonObject ToJson()
    {
        var json = base.ToJson();
        json["query_pre_attn_scalar"] = (int)QueryPreAttentionScalar;
        json["attn_logit_softcapping"] = ScoreSoftCap == 0 ? null : Shortest(ScoreSoftCap);
        json["final_logit_softcapping"] = LogitSoftCap == 0 ? null : Shortest(LogitSoftCap);
        json["sliding_window"] = SlidingWindow;
        json["layer_types"] = LayerTypes.Write(SlidingLayers!);
        return json;
    }
}
