using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Models;
using QLora.Models.Llama;

namespace QLora.Tests.Models;

/// <summary>A Llama's folder as llama.cpp's converter would write it: its keys and names, the rows of queries and keys in its order, everything in Float32.</summary>
internal static class LlamaGguf
{
    /// <summary>One key of the metadata.</summary>
    internal sealed record Key(string Name, GgufValueType Type, ulong Bits, string? Text = null)
    {
        public static Key Integer(string name, int value) => new(name, GgufValueType.UInt32, (ulong)value);

        public static Key Float(string name, float value) => new(name, GgufValueType.Float32, BitConverter.SingleToUInt32Bits(value));

        public static Key String(string name, string text) => new(name, GgufValueType.String, 0, text);
    }

    /// <summary>The keys that llama.cpp writes for a config.</summary>
    public static List<Key> Keys(LlamaConfig config) =>
    [
        Key.String("general.architecture", "llama"),
        Key.Integer("llama.vocab_size", config.VocabSize),
        Key.Integer("llama.embedding_length", config.HiddenSize),
        Key.Integer("llama.block_count", config.NumHiddenLayers),
        Key.Integer("llama.context_length", config.MaxPositionEmbeddings),
        Key.Integer("llama.feed_forward_length", config.IntermediateSize),
        Key.Integer("llama.attention.head_count", config.NumAttentionHeads),
        Key.Integer("llama.attention.head_count_kv", config.NumKeyValueHeads),
        Key.Integer("llama.attention.key_length", config.HeadSize),
        Key.Integer("llama.attention.value_length", config.HeadSize),
        Key.Float("llama.attention.layer_norm_rms_epsilon", config.RmsNormEps),
        Key.Integer("llama.rope.dimension_count", config.HeadSize),
        Key.Float("llama.rope.freq_base", (float)config.Rotary.Theta),
        Key.Integer("tokenizer.ggml.bos_token_id", config.BosTokenId ?? 0),
        Key.Integer("tokenizer.ggml.eos_token_id", config.EosTokenIds[0]),
    ];

    /// <summary>Writes a folder's model as a GGUF file.</summary>
    /// <param name="model">The folder, opened.</param>
    /// <param name="path">Where to.</param>
    /// <param name="keys">The metadata; that of the config when null.</param>
    public static void Write(ModelFile model, string path, IReadOnlyList<Key>? keys = null)
    {
        keys ??= Keys((LlamaConfig)model.Config);
        var weights = model.Modules.SelectMany(module => module.Weights.Select(weight => (Module: module, Weight: weight))).ToList();
        var file = new GgufBytes((ulong)weights.Count, (ulong)keys.Count);
        foreach (var key in keys)
        {
            if (key.Text is null) file.Value(key.Name, key.Type, key.Bits);
            else file.Key(key.Name, key.Type).String(key.Text);
        }

        var offset = 0UL;
        foreach (var (_, weight) in weights)
        {
            var extents = Enumerable.Range(0, weight.Shape.Rank).Select(axis => (ulong)weight.Shape[weight.Shape.Rank - 1 - axis]).ToArray();
            file.Tensor(weight.GgufName!, 0, offset, extents);
            offset += ((ulong)weight.Shape.Count * sizeof(float) + 31) / 32 * 32;
        }

        file.Align();
        foreach (var (module, weight) in weights) file.Floats(Permuted(module, weight, model.Weights!)).Align();
        File.WriteAllBytes(path, file.ToArray());
    }

    private static float[] Permuted(ModuleSpec module, WeightSpec weight, WeightSource source)
    {
        var values = new float[weight.Shape.Count];
        source.Read(weight.Name, 0, values);
        if (module is not LinearSpec { GgufRotaryHeads: > 0 and var heads }) return values;
        var (rows, columns) = (weight.Shape.Rows, values.Length / weight.Shape.Rows);
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
