using QLora.Checkpoints.Gguf;
using QLora.Layers;

namespace QLora.Models;

/// <summary>The metadata of one architecture in a GGUF file, read strictly: a key that is missing or of the wrong kind is an error that names it.</summary>
/// <param name="file">The file.</param>
/// <param name="architecture">What its keys begin with.</param>
internal sealed class GgufKeys(GgufFile file, string architecture)
{
    private const string RotaryFactors = "rope_freqs.weight";

    /// <summary>A positive integer; <paramref name="fallback"/> where the key is missing.</summary>
    public int Integer(string key, int? fallback = null)
    {
        var name = $"{architecture}.{key}";
        if (file.Metadata.GetInteger(name) is not { } value) return fallback ?? throw Error(key, "is missing, expected an integer");
        return value is > 0 and <= int.MaxValue ? (int)value : throw Error(key, $"is {value}, expected an integer from 1 up");
    }

    /// <summary>A number; <paramref name="fallback"/> where the key is missing.</summary>
    public double Number(string key, double? fallback = null)
        => file.Metadata.GetNumber($"{architecture}.{key}") ?? fallback ?? throw Error(key, "is missing, expected a number");

    /// <summary>The number of tokens: what the architecture says, or else the length of the tokenizer's list.</summary>
    public int VocabSize() => file.Metadata.GetInteger($"{architecture}.vocab_size") is { } size and > 0 and <= int.MaxValue
        ? (int)size
        : file.Metadata.GetStrings("tokenizer.ggml.tokens")?.Count ?? throw Error("vocab_size", "is missing, and so is tokenizer.ggml.tokens");

    /// <summary>The id of a special token: bos, eos, padding.</summary>
    public int? TokenId(string which) => (int?)file.Metadata.GetInteger($"tokenizer.ggml.{which}_token_id");

    /// <summary>Base and scaling of the rotary angles.</summary>
    public RotaryParameters Rotary(int headSize, int context)
    {
        var basis = new RotaryParameters(Integer("rope.dimension_count", headSize), Number("rope.freq_base", 10000));
        if (file.Tensors.TryGetValue(RotaryFactors, out var tensor))
        {
            var factors = new float[tensor.Shape.Count];
            file.ReadFloats(RotaryFactors, 0, factors);
            if (factors.Length != basis.Dimensions / 2) throw new QLoraException($"{file.Path}: tensor {RotaryFactors} has {factors.Length} elements, expected {basis.Dimensions / 2}");
            return basis with { Scaling = RotaryScaling.Factors, FrequencyFactors = factors };
        }

        var type = file.Metadata.GetString($"{architecture}.rope.scaling.type") ?? "none";
        return type switch
        {
            "none" => basis,
            "linear" => basis with { Scaling = RotaryScaling.Linear, Factor = Number("rope.scaling.factor") },
            "yarn" => basis with
            {
                Scaling = RotaryScaling.Yarn,
                Factor = Number("rope.scaling.factor"),
                OriginalContext = Integer("rope.scaling.original_context_length", context),
            },
            _ => throw Error("rope.scaling.type", $"'{type}' is not supported; there are none, linear, yarn"),
        };
    }

    /// <summary>An error about one key.</summary>
    public QLoraException Error(string key, string message) => new($"{file.Path}: key {architecture}.{key} {message}");
}
