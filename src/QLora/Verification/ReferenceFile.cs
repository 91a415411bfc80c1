using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Verification;

/// <summary>
/// Recorded numbers of a model: a safetensors file with <c>input_ids</c> (rows, length), perhaps <c>attention_mask</c> and <c>labels</c>, and what another implementation made of
/// them: <c>logits</c>, <c>loss</c>, <c>hidden.N</c>, <c>grad.NAME</c>; with an adapter in use under the prefix <c>lora.</c>, or all without it.
/// </summary>
public sealed class ReferenceFile : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly Shape _shape; // (rows, length)
    private readonly int[] _places; // of the tokens that are not padding

    private ReferenceFile(SafetensorsFile file)
    {
        _file = file;
        _shape = file.Tensors.TryGetValue("input_ids", out var ids) ? ids.Shape : throw new QLoraException($"{file.Path}: there is no tensor input_ids to run the model on");
        if (_shape.Rank != 2 || _shape.Count == 0) throw new QLoraException($"{file.Path}: tensor input_ids has shape {_shape}, expected (rows, length)");
        var mask = Has("attention_mask") ? Integers("attention_mask", 0, 1) : [.. Enumerable.Repeat(1L, (int)_shape.Count)];
        _places = [.. Enumerable.Range(0, mask.Length).Where(place => mask[place] == 1)];
        Batch = TokenBatch.FromPadded(Integers("input_ids", 0, int.MaxValue), mask, Has("labels") ? Integers("labels", TokenBatch.Ignored, int.MaxValue) : [], _shape[1]);
    }

    /// <summary>The recorded input, without its padding.</summary>
    public TokenBatch Batch { get; }

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>The names of all tensors.</summary>
    public IEnumerable<string> Names => _file.Tensors.Keys;

    /// <summary>Opens a reference.</summary>
    /// <param name="path">The safetensors file.</param>
    /// <exception cref="QLoraException">It is missing or broken, or its input is missing, misshapen or out of range.</exception>
    public static ReferenceFile Open(string path)
    {
        var file = SafetensorsFile.Open(path);
        try
        {
            return new ReferenceFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Has(string name) => _file.Tensors.ContainsKey(name);

    /// <summary>A whole tensor.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">What its shape must be.</param>
    /// <exception cref="QLoraException">There is none, or it has another shape or no numbers.</exception>
    public float[] Read(string name, Shape shape)
    {
        CheckShape(name, shape);
        return _file.ReadFloats(name);
    }

    /// <summary>A whole tensor of integers.</summary>
    /// <exception cref="QLoraException">There is none of that name, or it holds something else.</exception>
    public long[] ReadIntegers(string name) => _file.ReadIntegers(name);

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Refuses a tensor that does not have a row of <paramref name="columns"/> for every place of the input.</summary>
    internal void CheckRows(string name, int columns) => CheckShape(name, new Shape(_shape[0], _shape[1], columns));

    /// <summary>The numbers recorded for one token of the batch.</summary>
    internal void ReadRow(string name, int token, Span<float> destination) => _file.ReadFloats(name, (long)_places[token] * destination.Length, destination);

    private void CheckShape(string name, Shape shape)
    {
        if (!_file.Tensors.TryGetValue(name, out var info)) throw new QLoraException($"{Path}: there is no tensor {name}");
        if (info.Shape != shape) throw new QLoraException($"{Path}: tensor {name} has shape {info.Shape}, expected {shape}; it was recorded with another model or input");
    }

    private long[] Integers(string name, long smallest, long largest)
    {
        CheckShape(name, _shape);
        var values = _file.ReadIntegers(name);
        foreach (var value in values)
        {
            if (value < smallest || value > largest) throw new QLoraException($"{Path}: tensor {name} holds {value}, expected {smallest} to {largest}");
        }

        return values;
    }
}
