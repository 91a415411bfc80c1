using QLora.Checkpoints.Gguf;
using QLora.Layers;

namespace QLora.Models;

/// <summary>The metadata of one architecture in a GGUF file, read strictly: a key that is missing or of the wrong kind is an error that names it.</summary>
/// <param name="file">The file.</param>
/// <param name="architecture">What its keys begin with.</param>
internal sealed class GgufKeys(GgufFile file, string architecture)
{
    private const string RotaryFactors = "rope_freqs.weight";

    /// <summary>Whether a key is there.</summary>
    public bool Has(string key) => file.Metadata.Keys.Contains($"{architecture}.{key}");

    /// <summary>Whether the file has a tensor.</summary>
    public bool HasTensor(string name) => file.Tensors.ContainsKey(name);

    /// <summary>An integer from 1 to <paramref name="maximum"/>; <paramref name="fallback"/> where the key is missing.</summary>
    public int Integer(string key, int? fallback = null, int maximum = int.MaxValue)
    {
        if (file.Metadata.GetInteger($"{architecture}.{key}") is not { } value) return fallback ?? throw Error(key, "is missing, expected an integer");
        return value > 0 && value <= maximum ? (int)value : throw Error(key, $"is {value}, expected an integer from 1 {(maximum == int.MaxValue ? "up" : $"to {maximum}")}");
    }

    /// <summary>A finite number above <paramref name="above"/>; <paramref name="fallback"/> where the key is missing.</summary>
    public double Number(string key, double above, double? fallback = null)
    {
        if (file.Metadata.GetNumber($"{architecture}.{key}") is not { } value) return fallback ?? throw Error(key, "is missing, expected a number");
        return value > above && double.IsFinite(value) ? value : throw Error(key, $"is {value}, expected a number above {above}");
    }

    /// <summary>The number of tokens: what the architecture says, or else the length of the tokenizer's list.</summary>
    public int VocabSize() => Integer("vocab_size", file.Metadata.GetStrings("tokenizer.ggml.tokens")?.Count, Largest.Vocabulary);

    /// <summary>The id of a special token: bos, eos, padding.</summary>
    public int? TokenId(string which)
    {
        var key = $"tokenizer.ggml.{which}_token_id";
        return file.Metadata.GetInteger(key) switch
        {
            null => null,
            >= 0 and <= int.MaxValue and var id => (int)id,
            var id => throw new QLoraException($"{file.Path}: key {key} is {id}, expected the number of a token"),
        };
    }

    /// <summary>Base and scaling of the rotary angles.</summary>
    public RotaryParameters Rotary(int headSize, int context, double defaultTheta)
    {
        var basis = new RotaryParameters(Integer("rope.dimension_count", headSize, maximum: headSize), Number("rope.freq_base", above: 1, defaultTheta));
        if (basis.Dimensions % 2 != 0) throw Error("rope.dimension_count", $"is {basis.Dimensions}, which rotary positions cannot halve");
        if (file.Tensors.ContainsKey(RotaryFactors)) return basis with { Scaling = RotaryScaling.Factors, FrequencyFactors = ReadFactors(basis.Dimensions / 2) };

        var type = file.Metadata.GetString($"{architecture}.rope.scaling.type") ?? "none";
        return type switch
        {
            "none" => basis,
            "linear" => basis with { Scaling = RotaryScaling.Linear, Factor = Number("rope.scaling.factor", above: 0) },
            "yarn" => basis with
            {
                Scaling = RotaryScaling.Yarn,
                Factor = Number("rope.scaling.factor", above: 0),
                OriginalContext = Integer("rope.scaling.original_context_length", context),
            },
            _ => throw Error("rope.scaling.type", $"'{type}' is not supported; there are none, linear, yarn"),
        };
    }

    private float[] ReadFactors(int expected)
    {
        var tensor = file.Tensors[RotaryFactors];
        if (tensor.Shape.Count != expected) throw new QLoraException($"{file.Path}: tensor {RotaryFactors} has {tensor.Shape.Count} elements, expected {expected}");
        var factors = new float[expected];
        file.ReadFloats(RotaryFactors, 0, factors);
        if (!factors.All(factor => factor > 0 && float.IsFinite(factor))) throw new QLoraException($"{file.Path}: tensor {RotaryFactors} holds a number that is not above 0");
        return factors;
    }

    /// <summary>An error about one key.</summary>
    public QLoraException Error(string key, string message) => new($"{file.Path}: key {architecture}.{key} {message}");
}
