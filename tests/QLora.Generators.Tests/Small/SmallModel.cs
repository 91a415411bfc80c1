using System.Collections.Generic;
using System.Text.Json.Nodes;
using QLora;
using QLora.Annotations;
using QLora.Autograd;
using QLora.Checkpoints.Gguf;
using QLora.Layers;
using QLora.Models;

namespace QLora.Generators.Tests.Small;

/// <summary>The numbers of the small model.</summary>
public sealed record SmallConfig : ModelConfig, IModelConfig<SmallConfig>
{
    /// <inheritdoc/>
    public override string ModelType => "small";

    /// <summary>The inner width.</summary>
    public required int Inner { get; init; }

    /// <summary>Heads whose rows llama.cpp would interleave.</summary>
    public int Heads { get; init; } = 2;

    /// <summary>Added to the mean square.</summary>
    public float Epsilon { get; init; } = 1e-5f;

    /// <summary>Whether the first linear layer has a bias.</summary>
    public bool HasBias { get; init; }

    /// <summary>Whether the part has a norm.</summary>
    public bool HasInnerNorm { get; init; }

    /// <summary>Parts of a block.</summary>
    public int Parts { get; init; } = 2;

    /// <summary>Whether a layer has the parts.</summary>
    public bool HasParts(int layer) => layer == 1;

    /// <inheritdoc/>
    public override AttentionShape AttentionShape => default;

    /// <inheritdoc/>
    public static SmallConfig FromJson(ConfigJson json) => new()
    {
        VocabSize = json.Integer("vocab_size"),
        HiddenSize = json.Integer("hidden_size"),
        NumHiddenLayers = json.Integer("num_hidden_layers"),
        MaxPositionEmbeddings = json.Integer("max_position_embeddings"),
        Inner = json.Integer("inner"),
    };

    /// <inheritdoc/>
    public static SmallConfig FromGguf(GgufFile file) => throw new QLoraException($"{file.Path}: llama.cpp does not know this model");

    /// <inheritdoc/>
    public override JsonObject ToJson() => new() { ["model_type"] = ModelType };
}

/// <summary>A part with an optional module.</summary>
[ModelPart]
public sealed partial class SmallPart : ModelPart<SmallConfig>
{
    /// <summary>The norm, for some configs.</summary>
    [RmsNorm("norm", Size = nameof(SmallConfig.HiddenSize), Epsilon = nameof(SmallConfig.Epsilon), StoredMinusOne = nameof(SmallConfig.HasInnerNorm), Gguf = "inner_norm",
        When = nameof(SmallConfig.HasInnerNorm))]
    public partial RmsNorm? InnerNorm { get; }

    /// <summary>The layer inside.</summary>
    [Linear("inside", In = nameof(SmallConfig.HiddenSize), Out = nameof(SmallConfig.HiddenSize), Gguf = "ffn_inner", Transposed = true), LoraTarget]
    public partial Linear Inside { get; }

    /// <summary>What it makes of the tokens.</summary>
    /// <param name="x">(tokens, hidden).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    public Activation Forward(Activation x, ForwardContext context) => Inside.Forward(InnerNorm?.Forward(x, context) ?? x, context);
}

/// <summary>A block with everything that can be declared.</summary>
[DecoderBlock]
public sealed partial class SmallBlock : DecoderBlock<SmallConfig>
{
    /// <summary>The norm.</summary>
    [RmsNorm("norm", Size = nameof(SmallConfig.HiddenSize), Epsilon = nameof(SmallConfig.Epsilon), Gguf = "attn_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>To the inner width.</summary>
    [Linear("mlp.up", In = nameof(SmallConfig.HiddenSize), Out = nameof(SmallConfig.Inner), Bias = nameof(SmallConfig.HasBias),
        Gguf = "ffn_up", GgufRotaryHeads = nameof(SmallConfig.Heads)), LoraTarget]
    public partial Linear Up { get; }

    /// <summary>And back; llama.cpp has no name for it.</summary>
    [Linear("mlp.down", In = nameof(SmallConfig.Inner), Out = nameof(SmallConfig.HiddenSize)), LoraTarget]
    public partial Linear Down { get; }

    /// <summary>A part.</summary>
    [Part("part")]
    public partial SmallPart Part { get; }

    /// <summary>More parts, in some layers.</summary>
    [Blocks("parts.{0}", Count = nameof(SmallConfig.Parts), GgufStacked = true, When = nameof(SmallConfig.HasParts))]
    public partial IReadOnlyList<SmallPart>? Parts { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        x = context.Add(x, Part.Forward(x, context));
        foreach (var part in Parts ?? []) x = context.Add(x, part.Forward(x, context));
        return context.Add(x, Down.Forward(Up.Forward(Norm.Forward(x, context), context), context));
    }
}

/// <summary>A model with everything that can be declared.</summary>
[CausalLanguageModel("small", GgufArchitecture = "tiny")]
public sealed partial class SmallModel : CausalLanguageModel<SmallConfig>
{
    /// <summary>Token ids to the residual stream.</summary>
    [Embedding("embed", Rows = nameof(SmallConfig.VocabSize), Columns = nameof(SmallConfig.HiddenSize), Gguf = "token_embd")]
    public partial Embedding TokenEmbedding { get; }

    /// <summary>The layers.</summary>
    [Blocks("layers.{0}", Count = nameof(SmallConfig.NumHiddenLayers), Gguf = "blk.{0}")]
    public partial IReadOnlyList<SmallBlock> Blocks { get; }

    /// <summary>The norm before the head.</summary>
    [RmsNorm("norm", Size = nameof(SmallConfig.HiddenSize), Epsilon = nameof(SmallConfig.Epsilon), Gguf = "output_norm")]
    public partial RmsNorm Norm { get; }

    /// <summary>The residual stream to logits.</summary>
    [Linear("lm_head", In = nameof(SmallConfig.HiddenSize), Out = nameof(SmallConfig.VocabSize), TiedTo = nameof(TokenEmbedding),
        TiedWhen = nameof(SmallConfig.TieWordEmbeddings), KeepFullPrecision = true, Gguf = "output"), LoraTarget]
    public override partial Linear LmHead { get; }

    /// <inheritdoc/>
    public override Activation Forward(ForwardContext context)
    {
        var x = TokenEmbedding.Forward(context);
        x = context.Blocks(Blocks, x);
        return Norm.Forward(x, context);
    }
}
