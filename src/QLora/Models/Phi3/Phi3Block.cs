using QLora.Annotations;
using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models.Phi3;

/// <summary>One layer of Phi-3: Llama's, with queries, keys and values from one matrix, and the gate and what it lets through from another.</summary>
[DecoderBlock]
public sealed partial class Phi3Block : DecoderBlock<Phi3Config>
{
    /// <summary>The norm before attention.</summary>
    [RmsNorm("input_layernorm", Size = nameof(Phi3Config.HiddenSize), Epsilon = nameof(Phi3Config.RmsNormEps), Gguf = "attn_norm")]
    public partial RmsNorm InputNorm { get; }

    /// <summary>Queries of all heads, then keys, then values.</summary>
    [Linear("self_attn.qkv_proj", In = nameof(Phi3Config.HiddenSize), Out = nameof(Phi3Config.QueryKeyValueSize), Gguf = "attn_qkv"), LoraTarget]
    public partial Linear QueryKeyValue { get; }

    /// <summary>The heads back to the residual stream.</summary>
    [Linear("self_attn.o_proj", In = nameof(Phi3Config.QuerySize), Out = nameof(Phi3Config.HiddenSize), Gguf = "attn_output"), LoraTarget]
    public partial Linear Output { get; }

    /// <summary>The norm before the MLP.</summary>
    [RmsNorm("post_attention_layernorm", Size = nameof(Phi3Config.HiddenSize), Epsilon = nameof(Phi3Config.RmsNormEps), Gguf = "ffn_norm")]
    public partial RmsNorm PostAttentionNorm { get; }

    /// <summary>The gate, then what it lets through.</summary>
    [Linear("mlp.gate_up_proj", In = nameof(Phi3Config.HiddenSize), Out = nameof(Phi3Config.GateUpSize), Gguf = "ffn_up"), LoraTarget]
    public partial Linear GateUp { get; }

    /// <summary>The MLP back to the residual stream.</summary>
    [Linear("mlp.down_proj", In = nameof(Phi3Config.IntermediateSize), Out = nameof(Phi3Config.HiddenSize), Gguf = "ffn_down"), LoraTarget]
    public partial Linear Down { get; }

    /// <inheritdoc/>
    public override Activation Forward(Activation x, ForwardContext context)
    {
        var qkv = QueryKeyValue.Forward(InputNorm.Forward(x, context), context);
        var q = context.Rotary(context.Columns(qkv, 0, Config.QuerySize), Config.NumAttentionHeads, Config.Rotary);
        var k = context.Rotary(context.Columns(qkv, Config.QuerySize, Config.KeyValueSize), Config.NumKeyValueHeads, Config.Rotary);
        var v = context.Columns(qkv, Config.QuerySize + Config.KeyValueSize, Config.KeyValueSize);
        var attended = context.Attention(q, k, v, Layer, Config.AttentionShape, Config.AttentionAt(Layer));
        x = context.Add(x, Output.Forward(attended, context));

        var gateUp = GateUp.Forward(PostAttentionNorm.Forward(x, context), context);
        var (gate, up) = (context.Columns(gateUp, 0, Config.IntermediateSize), context.Columns(gateUp, Config.IntermediateSize, Config.IntermediateSize));
        return context.Add(x, Down.Forward(context.SwiGlu(gate, up), context));
    }
}
