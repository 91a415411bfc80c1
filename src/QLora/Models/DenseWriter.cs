using System.Runtime.InteropServices;
using QLora.Autograd;
using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>Writes weights as Hugging Face checkpoints store them, in one precision, a piece at a time, and counts what rounding loses.</summary>
/// <param name="backend">Where the weights lie.</param>
/// <param name="dtype">Float32 or BFloat16.</param>
internal sealed class DenseWriter(Backend backend, DType dtype)
{
    private const int Piece = 1 << 16;

    private readonly float[] _values = new float[Piece];
    private readonly ushort[] _halves = new ushort[Piece];

    /// <summary>Of everything that was written, before rounding.</summary>
    public double SumOfSquares { get; private set; }

    /// <summary>The sum of the squares of what rounding changed.</summary>
    public double SquaredError { get; private set; }

    /// <summary>Writes a weight as it is in memory; 4-bit weights are dequantised.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="module">The module that holds it.</param>
    /// <param name="weight">The weight.</param>
    public void Write(Stream stream, Module module, WeightSpec weight)
    {
        var stored = module.Parameters.FirstOrDefault(parameter => parameter.Name == weight.Name)?.Value;
        if (stored is { DType: DType.Float32 } whole)
        {
            Write(stream, whole, weight.Transform);
            return;
        }

        using var widened = stored is { } half ? backend.ToFloat32(half) : ((Linear)module).Weight.ToFloat32(backend, weight.Shape);
        Write(stream, widened, weight.Transform);
    }

    /// <summary>Writes values in Float32 as a weight.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="values">As the engine holds them.</param>
    /// <param name="transform">How checkpoints store them otherwise, or null.</param>
    public void Write(Stream stream, Tensor values, WeightTransform? transform)
    {
        if (transform is not null)
        {
            var stored = Stored(values, transform);
            for (var start = 0; start < stored.Length; start += Piece) WritePiece(stream, stored.AsSpan(start, Math.Min(Piece, stored.Length - start)));
            return;
        }

        var flat = values.Reshape(checked((int)values.Count));
        for (var start = 0; start < flat.Rows; start += Piece)
        {
            var piece = _values.AsSpan(0, Math.Min(Piece, flat.Rows - start));
            backend.CopyToHost(flat.Slice(start, piece.Length), piece);
            WritePiece(stream, piece);
        }
    }

    private float[] Stored(Tensor values, WeightTransform transform)
    {
        var host = new float[values.Count];
        backend.CopyToHost(values, host.AsSpan());
        if (transform is MinusOne) return Array.ConvertAll(host, value => value - 1);
        var (rows, columns) = (values.Rows, values.Columns);
        var transposed = new float[host.Length];
        for (var i = 0; i < host.Length; i++) transposed[i % columns * rows + i / columns] = host[i];
        return transposed;
    }

    private void WritePiece(Stream stream, ReadOnlySpan<float> values)
        => stream.Write(dtype == DType.Float32 ? MemoryMarshal.AsBytes(values) : MemoryMarshal.AsBytes(Rounded(values)));

    private Span<ushort> Rounded(ReadOnlySpan<float> values)
    {
        double size = 0, error = 0;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            _halves[i] = BFloat16.Round(value);
            var lost = value - BFloat16.Widen(_halves[i]);
            size += value * value;
            error += lost * lost;
        }

        SumOfSquares += size;
        SquaredError += error;
        return _halves.AsSpan(0, values.Length);
    }
}
