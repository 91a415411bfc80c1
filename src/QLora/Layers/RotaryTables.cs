using QLora.Backends;
using QLora.Tensors;

namespace QLora.Layers;

/// <summary>Cosines and sines of every position up to a length, (positions, Dimensions / 2) Float32 each.</summary>
internal sealed record RotaryTable(Tensor Cos, Tensor Sin, int Length) : IDisposable
{
    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}

/// <summary>The tables that a model has needed so far; they grow with the longest sequence.</summary>
internal sealed class RotaryTables(Backend backend) : IDisposable
{
    private const int SmallestTable = 256;
    private readonly Dictionary<RotaryParameters, RotaryTable> _tables = [];

    /// <summary>A table of at least <paramref name="length"/> positions.</summary>
    public RotaryTable Get(RotaryParameters parameters, int length)
    {
        // Angles that depend on the length do so beyond the trained context only.
        if (parameters.DependsOnLength) length = Math.Max(length, parameters.OriginalContext);
        if (_tables.TryGetValue(parameters, out var table) && (parameters.DependsOnLength ? table.Length == length : table.Length >= length)) return table;
        table?.Dispose();
        var rows = parameters.DependsOnLength ? length : Math.Max(SmallestTable, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length));
        return _tables[parameters] = Create(parameters, rows);
    }

    public void Dispose()
    {
        foreach (var table in _tables.Values) table.Dispose();
        _tables.Clear();
    }

    private RotaryTable Create(RotaryParameters parameters, int length)
    {
        var frequencies = parameters.InverseFrequencies(length);
        var scale = parameters.SineScale;
        var cos = new float[length * frequencies.Length];
        var sin = new float[cos.Length];
        for (var position = 0; position < length; position++)
        {
            for (var i = 0; i < frequencies.Length; i++)
            {
                // The angle is rounded to single precision as in transformers, or long contexts would drift from it.
                var angle = position * frequencies[i];
                cos[position * frequencies.Length + i] = (float)Math.Cos(angle) * scale;
                sin[position * frequencies.Length + i] = (float)Math.Sin(angle) * scale;
            }
        }

        var shape = new Shape(length, frequencies.Length);
        return new RotaryTable(backend.Upload<float>(shape, DType.Float32, cos), backend.Upload<float>(shape, DType.Float32, sin), length);
    }
}
