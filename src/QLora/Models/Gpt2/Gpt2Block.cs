using QLora.Annotations;
using QLora.Autograd;
using QLora.Backends;
using QLora.Layers;

namespace QLora.Models.Gpt2;

/// <summary>One layer of GPT-2: attention, then an MLP, each behind a norm and beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class Gpt2Block : DecoderBlock<Gpt2Config>
{
    /// <summary>The norm before attention.</summary>
    [LayerNorm("ln_1", Size = nameof(Gpt2Config.HiddenSize), Epsilon = nameof(Gpt2Config.LayerNormEpsilon), Gguf = "attn_norm")]
    public partial LayerNorm AttentionNorm { get; }

    /// <summary>Queries of all heads, then keys, then values.</summary>
    [Linear("attn.c_attn", In = nameof(Gpt2Config.HiddenSize), Out = nameof(Gpt2Config.QueryKeyValueSize), Bias = nameof(Gpt2Config.HasBias), Transposed = true,
        Gguf = "attn_qkv"), LoraTarget]
    public partial Linear QueryKeyValue { get; }

    /// <summary>The heads back to the residual stream.</summary>
    [Linear("attn.c_proj", In = nameof(Gpt2Config.HiddenSize), Out = nameof(Gpt2Config.HiddenSize), Bias = nameof(Gpt2Config.HasBias), Transposed = true,
        Gguf = "attn_output"), LoraTarget]
    public partial Linear Output { get; }

    /// <summary>The norm before the MLP.</summary>
    [LayerNorm("ln_2", Size = nameof(Gpt2Config.HiddenSize), Epsilon = nameof(Gpt2Config.LayerNormEpsilon), Gguf = "ffn_norm")]
    public partial LayerNorm MlpNorm { get; }

    /// <summary>To the inner width of the MLP.</summary>
    [Linear("mlp.c_fc", In = nameof(Gpt2Config.HiddenSize), Out = nameof(Gpt2Config.IntermediateSize), Bias = nameof(Gpt2Config.HasBias), Transposed = true,
        Gguf = "ffn_up"), LoraTarget]
    public partial Linear Up { get; }

    /// <summary>The MLP back to the residual stream.</summary>
    [Linear("mlp.c_proj", In = nameof(Gpt2Config.IntermediateSize), Out = nameof(Gpt2Config.HiddenSize), Bias = nameof(Gpt2Config.HasBias), Transposed = true,
        Gguf = "ffn_down"), LoraTarget]
    public partial Linear Down { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var qkv = QueryKeyValue.Forward(AttentionNorm.Forward(x, context), context);
        var (q, k, v) = (context.Columns(qkv, 0, Config.HiddenSize), context.Columns(qkv, Config.HiddenSize, Config.HiddenSize), context.Columns(qkv, 2 * Config.HiddenSize, Config.HiddenSize));
        var options = new AttentionOptions(1 / MathF.Sqrt(Config.AttentionShape.HeadSize));
        x = context.Add(x, Output.Forward(context.Attention(q, k, v, Layer, Config.AttentionShape, options), context));

        var h = Up.Forward(MlpNorm.Forward(x, context), context);
        return context.Add(x, Down.Forward(context.Gelu(h), context));
    }
}
