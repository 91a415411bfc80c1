using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Llama;

/// <summary>One layer of Llama: attention with rotary positions and grouped heads, then a gated MLP, each behind a norm and beside the residual stream.</summary>
[DecoderBlock]
public sealed partial class LlamaBlock : DecoderBlock<LlamaConfig>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(LlamaConfig.HiddenSize), Epsilon = nameof(LlamaConfig.RmsNormEps), Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>Queries of all heads.</summary>
    [Linear("self_attn.q_proj", In = nameof(LlamaConfig.HiddenSize), Out = nameof(LlamaConfig.QuerySize), Bias = nameof(LlamaConfig.AttentionBias),
        Gguf = "attn_q", GgufRotaryHeads = nameof(LlamaConfig.NumAttentionHeads)), LoraTarget]
    public partial Linear Query { get; }

    /// <summary>Keys of the key heads.</summary>
    [Linear("self_attn.k_proj", In = nameof(LlamaConfig.HiddenSize), Out = nameof(LlamaConfig.KeyValueSize), Bias = nameof(LlamaConfig.AttentionBias),
        Gguf = "attn_k", GgufRotaryHeads = nameof(LlamaConfig.NumKeyValueHeads)), LoraTarget]
    public partial Linear Key { get; }

    /// <summary>Values of the key heads.</summary>
    [Linear("self_attn.v_proj", In = nameof(LlamaConfig.HiddenSize), Out = nameof(LlamaConfig.KeyValueSize), Bias = nameof(LlamaConfig.AttentionBias),
        Gguf = "attn_v"), LoraTarget]
    public partial Linear Value { get; }

    /// <summary>The heads back to the residual stream.</summary>
    [Linear("self_attn.o_proj", In = nameof(LlamaConfig.QuerySize), Out = nameof(LlamaConfig.HiddenSize), Bias = nameof(LlamaConfig.AttentionBias),
        Gguf = "attn_output"), LoraTarget]
    public partial Linear Output { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(LlamaConfig.HiddenSize), Epsilon = nameof(LlamaConfig.RmsNormEps), Gguf = "ffn_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The gate of the MLP.</summary>
    [Linear("mlp.gate_proj", In = nameof(LlamaConfig.HiddenSize), Out = nameof(LlamaConfig.IntermediateSize), Bias = nameof(LlamaConfig.MlpBias),
        Gguf = "ffn_gate"), LoraTarget]
    public partial Linear Gate { get; }

    /// <summary>What the gate lets through.</summary>
    [Linear("mlp.up_proj", In = nameof(LlamaConfig.HiddenSize), Out = nameof(LlamaConfig.IntermediateSize), Bias = nameof(LlamaConfig.MlpBias),
        Gguf = "ffn_up"), LoraTarget]
    public partial Linear Up { get; }

    /// <summary>The MLP back to the residual stream.</summary>
    [Linear("mlp.down_proj", In = nameof(LlamaConfig.IntermediateSize), Out = nameof(LlamaConfig.HiddenSize), Bias = nameof(LlamaConfig.MlpBias),
        Gguf = "ffn_down"), LoraTarget]
    public partial Linear Down { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var h = InputNorm.Forward(x, context);
        var q = context.Rotary(Query.Forward(h, context), Config.NumAttentionHeads, Config.Rotary);
        var k = context.Rotary(Key.Forward(h, context), Config.NumKeyValueHeads, Config.Rotary);
        var v = Value.Forward(h, context);
        var attended = context.Attention(q, k, v, Index, Config.AttentionShape);
        x = context.Add(x, Output.Forward(attended, context));

        h = PostAttentionNorm.Forward(x, context);
        return context.Add(x, Down.Forward(context.SwiGlu(Gate.Forward(h, context), Up.Forward(h, context)), context));
    }
}
