using System.Runtime.InteropServices;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Adapters;

/// <summary>Writes Float32 tensors in another precision, a piece at a time, and counts what is lost.</summary>
/// <param name="stream">Where to.</param>
/// <param name="dtype">Float32 or BFloat16.</param>
internal sealed class FloatWriter(Stream stream, DType dtype)
{
    private const int Piece = 1 << 16;

    private readonly float[] _values = new float[Piece];
    private readonly ushort[] _halves = new ushort[Piece];

    /// <summary>Of everything that was written, before rounding.</summary>
    public double SumOfSquares { get; private set; }

    /// <summary>The sum of the squares of what rounding changed.</summary>
    public double SquaredError { get; private set; }

    /// <summary>Writes all elements of a tensor in Float32.</summary>
    public void Write(Backend backend, Tensor tensor)
    {
        var flat = tensor.Reshape(checked((int)tensor.Count));
        for (var start = 0; start < flat.Rows; start += Piece)
        {
            var values = _values.AsSpan(0, Math.Min(Piece, flat.Rows - start));
            backend.CopyToHost(flat.Slice(start, values.Length), values);
            WritePiece(values);
        }
    }

    /// <summary>Writes elements that are on the host already.</summary>
    public void Write(ReadOnlySpan<float> values)
    {
        for (var start = 0; start < values.Length; start += Piece) WritePiece(values.Slice(start, Math.Min(Piece, values.Length - start)));
    }

    private void WritePiece(ReadOnlySpan<float> values)
        => stream.Write(dtype == DType.Float32 ? MemoryMarshal.AsBytes(values) : MemoryMarshal.AsBytes(Rounded(values)));

    private Span<ushort> Rounded(ReadOnlySpan<float> values)
    {
        double size = 0, error = 0;
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            _halves[i] = BFloat16Bits(value);
            var lost = value - BitConverter.UInt32BitsToSingle((uint)_halves[i] << 16);
            size += value * value;
            error += lost * lost;
        }

        SumOfSquares += size;
        SquaredError += error;
        return _halves.AsSpan(0, values.Length);
    }

    /// <summary>Rounds to nearest, ties to even; NaN stays NaN.</summary>
    private static ushort BFloat16Bits(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
