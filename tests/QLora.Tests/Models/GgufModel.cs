using System.Runtime.InteropServices;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Models;
using QLora.Models.Gemma2;
using QLora.Models.Gemma3;
using QLora.Models.Gpt2;
using QLora.Models.Granite;
using QLora.Models.Mistral;
using QLora.Models.Mixtral;
using QLora.Models.Qwen3Moe;
using QLora.Tensors;

namespace QLora.Tests.Models;

/// <summary>A model's folder as llama.cpp's converter would write it: its keys and names, its order of rows and matrices, everything in Float32.</summary>
internal static class GgufModel
{
    /// <summary>One key of the metadata.</summary>
    internal sealed record Key(string Name, GgufValueType Type, ulong Bits, string? Text = null)
    {
        public static Key Integer(string name, int value) => new(name, GgufValueType.UInt32, (ulong)value);

        public static Key Float(string name, float value) => new(name, GgufValueType.Float32, BitConverter.SingleToUInt32Bits(value));

        public static Key String(string name, string text) => new(name, GgufValueType.String, 0, text);
    }

    /// <summary>The keys that llama.cpp's converter writes for a config.</summary>
    public static List<Key> Keys(ModelConfig config) => config switch
    {
        Gpt2Config gpt2 => Keys(gpt2),
        MistralConfig mistral => [.. Keys(mistral, "llama"), Key.Integer("llama.attention.sliding_window", mistral.SlidingWindow)],
        Gemma2Config gemma2 =>
        [
            .. Keys(gemma2, "gemma2"), Key.Integer("gemma2.attention.sliding_window", gemma2.SlidingWindow),
            Key.Float("gemma2.attn_logit_softcapping", gemma2.ScoreSoftCap), Key.Float("gemma2.final_logit_softcapping", gemma2.LogitSoftCap),
        ],
        Gemma3Config gemma3 => [.. Keys(gemma3, "gemma3"), Key.Integer("gemma3.attention.sliding_window", gemma3.SlidingWindow)],
        GraniteConfig granite =>
        [
            .. Keys(granite, "granite"), Key.Float("granite.attention.scale", granite.AttentionMultiplier), Key.Float("granite.embedding_scale", granite.EmbeddingMultiplier),
            Key.Float("granite.residual_scale", granite.ResidualMultiplier), Key.Float("granite.logit_scale", granite.LogitsScaling),
        ],
        MixtralConfig mixtral => [.. Keys(mixtral, "llama"), Key.Integer("llama.expert_count", mixtral.NumExperts), Key.Integer("llama.expert_used_count", mixtral.ExpertsPerToken)],
        Qwen3MoeConfig moe =>
        [
            .. Keys(moe, "qwen3moe"), Key.Integer("qwen3moe.expert_count", moe.NumExperts), Key.Integer("qwen3moe.expert_used_count", moe.ExpertsPerToken),
            Key.Integer("qwen3moe.expert_feed_forward_length", moe.ExpertSize),
        ],
        DecoderConfig decoder => Keys(decoder, decoder.ModelType),
        _ => throw new ArgumentException($"no keys are known for {config.ModelType}"),
    };

    private static List<Key> Keys(DecoderConfig config, string architecture) =>
    [
        Key.String("general.architecture", architecture),
        Key.Integer($"{architecture}.vocab_size", config.VocabSize),
        Key.Integer($"{architecture}.embedding_length", config.HiddenSize),
        Key.Integer($"{architecture}.block_count", config.NumHiddenLayers),
        Key.Integer($"{architecture}.context_length", config.MaxPositionEmbeddings),
        Key.Integer($"{architecture}.feed_forward_length", config.IntermediateSize),
        Key.Integer($"{architecture}.attention.head_count", config.NumAttentionHeads),
        Key.Integer($"{architecture}.attention.head_count_kv", config.NumKeyValueHeads),
        Key.Integer($"{architecture}.attention.key_length", config.HeadSize),
        Key.Integer($"{architecture}.attention.value_length", config.HeadSize),
        Key.Float($"{architecture}.attention.layer_norm_rms_epsilon", config.RmsNormEps),
        Key.Integer($"{architecture}.rope.dimension_count", config.Rotary.Dimensions),
        Key.Float($"{architecture}.rope.freq_base", (float)config.Rotary.Theta),
        Key.Integer("tokenizer.ggml.bos_token_id", config.BosTokenId ?? 0),
        Key.Integer("tokenizer.ggml.eos_token_id", config.EosTokenIds[0]),
    ];

    private static List<Key> Keys(Gpt2Config config) =>
    [
        Key.String("general.architecture", "gpt2"),
        Key.Integer("gpt2.vocab_size", config.VocabSize),
        Key.Integer("gpt2.embedding_length", config.HiddenSize),
        Key.Integer("gpt2.block_count", config.NumHiddenLayers),
        Key.Integer("gpt2.context_length", config.MaxPositionEmbeddings),
        Key.Integer("gpt2.feed_forward_length", config.IntermediateSize),
        Key.Integer("gpt2.attention.head_count", config.NumAttentionHeads),
        Key.Float("gpt2.attention.layer_norm_epsilon", config.LayerNormEpsilon),
        Key.Integer("tokenizer.ggml.bos_token_id", config.BosTokenId ?? 0),
        Key.Integer("tokenizer.ggml.eos_token_id", config.EosTokenIds[0]),
    ];

    /// <summary>Writes a folder's model as a GGUF file.</summary>
    /// <param name="model">The folder, opened.</param>
    /// <param name="path">Where to.</param>
    /// <param name="keys">The metadata; that of the config when null.</param>
    /// <param name="matrices">How matrices are stored whose rows it can hold, except those of experts: Float32 or Q8.</param>
    public static void Write(ModelFile model, string path, IReadOnlyList<Key>? keys = null, DType matrices = DType.Float32)
    {
        keys ??= Keys(model.Config);
        var weights = model.Modules.SelectMany(module => module.Weights).GroupBy(weight => weight.GgufName!).Select(group => group.ToList()).ToList();
        var file = new GgufBytes((ulong)weights.Count, (ulong)keys.Count);
        foreach (var key in keys)
        {
            if (key.Text is null) file.Value(key.Name, key.Type, key.Bits);
            else file.Key(key.Name, key.Type).String(key.Text);
        }

        var offset = 0UL;
        foreach (var parts in weights)
        {
            // A tensor of several weights is that of all experts.
            int[] extents = [.. parts.Count > 1 ? [parts.Count] : Array.Empty<int>(), .. Enumerable.Range(0, parts[0].Shape.Rank).Select(axis => parts[0].Shape[axis])];
            var type = TypeOf(parts);
            file.Tensor(parts[0].GgufName!, type == DType.Q8 ? 8u : 0, offset, [.. extents.Reverse().Select(extent => (ulong)extent)]);
            offset += (ulong)((type.Bytes(extents.Aggregate(1L, (count, extent) => count * extent)) + 31) / 32 * 32);
        }

        file.Align();
        foreach (var parts in weights)
        {
            float[] values = [.. parts.SelectMany(weight => AsConverted(weight, model.Weights!))];
            if (TypeOf(parts) == DType.Q8) file.Raw(MemoryMarshal.AsBytes<Q8Block>(InBlocks(values)));
            else file.Floats(values);
            file.Align();
        }

        File.WriteAllBytes(path, file.ToArray());

        DType TypeOf(List<WeightSpec> parts) => parts is [{ Shape: { Rank: 2, Columns: var columns } }] && columns % matrices.BlockSize() == 0 ? matrices : DType.Float32;
    }

    private static unsafe Q8Block[] InBlocks(float[] values)
    {
        var blocks = new Q8Block[values.Length / Q8Block.Count];
        for (var i = 0; i < values.Length; i++)
        {
            ref var block = ref blocks[i / Q8Block.Count];
            if (i % Q8Block.Count == 0) block.Scale = (Half)(values.AsSpan(i, Q8Block.Count).ToArray().Max(MathF.Abs) / 127);
            block.Codes[i % Q8Block.Count] = (sbyte)Math.Clamp(MathF.Round(values[i] / Math.Max((float)block.Scale, 1e-6f)), -127, 127);
        }

        return blocks;
    }

    /// <summary>A weight as the converter writes it: GPT-2's matrices turned over, Gemma's norms whole, the rows of Llama's queries and keys interleaved.</summary>
    private static float[] AsConverted(WeightSpec weight, WeightSource source)
    {
        var values = new float[weight.Shape.Count];
        source.Read(weight.Name, 0, values);
        if (weight.Transform is MinusOne) return [.. values.Select(value => value + 1)];
        if (weight.Transform is TransposedMatrix)
        {
            var (outSize, inSize) = (weight.Shape[0], weight.Shape[1]);
            return [.. Enumerable.Range(0, values.Length).Select(i => values[i % inSize * outSize + i / inSize])];
        }

        return weight.GgufTransform is InterleavedHeads interleaved ? Permuted(values, weight.Shape.Rows, interleaved.Heads) : values;
    }

    private static float[] Permuted(float[] values, int rows, int heads)
    {
        var columns = values.Length / rows;
        var permuted = new float[values.Length];
        for (var row = 0; row < rows; row++)
        {
            // transformers' reshape(heads, 2, half).swapaxes: row i of a head's first half goes to 2i, of its second to 2i + 1.
            var (head, i) = Math.DivRem(row, rows / heads);
            var half = rows / heads / 2;
            values.AsSpan(row * columns, columns).CopyTo(permuted.AsSpan((head * 2 * half + i % half * 2 + i / half) * columns));
        }

        return permuted;
    }
}
