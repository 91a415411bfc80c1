using System.Text.Json.Nodes;
using QLora;
using QLora.Annotations;
using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints.Gguf;
using QLora.Layers;
using QLora.Models;

namespace Consumer;

/// <summary>The numbers of a tandem model.</summary>
public sealed record TandemConfig : ModelConfig, IModelConfig<TandemConfig>
{
    /// <inheritdoc/>
    public override string ModelType => "tandem";

    /// <summary>The inner width of the MLP.</summary>
    public required int Inner { get; init; }

    /// <summary>Added to the mean square in every norm.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <inheritdoc/>
    public override AttentionShape AttentionShape => new(Heads: 1, KeyHeads: 1, HiddenSize);

    /// <inheritdoc/>
    public static TandemConfig FromJson(ConfigJson json) => new()
    {
        VocabSize = json.Integer("vocab_size"),
        HiddenSize = json.Integer("hidden_size"),
        NumHiddenLayers = json.Integer("num_hidden_layers"),
        MaxPositionEmbeddings = json.Integer("max_position_embeddings"),
        Inner = json.Integer("inner"),
    };

    /// <inheritdoc/>
    public static TandemConfig FromGguf(GgufFile file) => throw new QLoraException($"{file.Path}: llama.cpp does not know this model");

    /// <inheritdoc/>
    public override JsonObject ToJson() => new() { ["model_type"] = ModelType, ["inner"] = Inner };
}

/// <summary>Attention and MLP side by side: both read one norm, and both are added to the residual stream.</summary>
[DecoderBlock]
public sealed partial class TandemBlock : DecoderBlock<TandemConfig>
{
    /// <summary>The norm of both.</summary>
    [RmsNorm("norm", Size = nameof(TandemConfig.HiddenSize), Epsilon = nameof(TandemConfig.Epsilon))]
    public partial RmsNorm Norm { get; }

    /// <summary>What is looked for.</summary>
    [Linear("attn.query", In = nameof(TandemConfig.HiddenSize), Out = nameof(TandemConfig.HiddenSize)), LoraTarget]
    public partial Linear Query { get; }

    /// <summary>What is found; its own value at the same time.</summary>
    [Linear("attn.key", In = nameof(TandemConfig.HiddenSize), Out = nameof(TandemConfig.HiddenSize))]
    public partial Linear Key { get; }

    /// <summary>The head back to the residual stream.</summary>
    [Linear("attn.output", In = nameof(TandemConfig.HiddenSize), Out = nameof(TandemConfig.HiddenSize))]
    public partial Linear Output { get; }

    /// <summary>The gate of the MLP.</summary>
    [Linear("mlp.gate", In = nameof(TandemConfig.HiddenSize), Out = nameof(TandemConfig.Inner)), LoraTarget]
    public partial Linear Gate { get; }

    /// <summary>What the gate lets through.</summary>
    [Linear("mlp.up", In = nameof(TandemConfig.HiddenSize), Out = nameof(TandemConfig.Inner))]
    public partial Linear Up { get; }

    /// <summary>The MLP back to the residual stream.</summary>
    [Linear("mlp.down", In = nameof(TandemConfig.Inner), Out = nameof(TandemConfig.HiddenSize)), LoraTarget]
    public partial Linear Down { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var h = Norm.Forward(x, context);
        var key = Key.Forward(h, context);
        var attended = context.Attention(Query.Forward(h, context), key, key, Layer, Config.AttentionShape, new AttentionOptions(1 / MathF.Sqrt(Config.HiddenSize)));
        var inner = context.SwiGlu(Gate.Forward(h, context), Up.Forward(h, context));
        return context.Add(context.Add(x, Output.Forward(attended, context)), Down.Forward(inner, context));
    }
}

/// <summary>A model that nobody but this project declares.</summary>
[CausalLanguageModel("tandem")]
public sealed partial class TandemModel : CausalLanguageModel<TandemConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("embed", Rows = nameof(TandemConfig.VocabSize), Columns = nameof(TandemConfig.HiddenSize))]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("layers.{0}", Count = nameof(TandemConfig.NumHiddenLayers))]
    public partial IReadOnlyList<TandemBlock> Blocks { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("head", In = nameof(TandemConfig.HiddenSize), Out = nameof(TandemConfig.VocabSize), KeepFullPrecision = true), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return x;
    }
}
