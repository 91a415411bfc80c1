using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using QLora.Tensors;

namespace QLora.Checkpoints;

/// <summary>One tensor to be written: what it is, and its bytes when they are asked for.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">Its element type.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Write">Writes exactly its bytes.</param>
public sealed record SafetensorsEntry(string Name, DType DType, Shape Shape, Action<Stream> Write);

/// <summary>Writes safetensors files tensor by tensor, so that a model never lies in memory twice.</summary>
public static class SafetensorsWriter
{
    /// <summary>A Float32 tensor from an array.</summary>
    public static SafetensorsEntry Entry(string name, Shape shape, float[] values)
        => new(name, DType.Float32, shape, stream => stream.Write(MemoryMarshal.AsBytes<float>(values)));

    /// <summary>Writes a file, complete or not at all, in the layout of the format's own library: wider types first, then by name.</summary>
    /// <param name="path">Its place.</param>
    /// <param name="entries">The tensors, each under a name of its own.</param>
    /// <exception cref="QLoraException">It cannot be written; the place is as it was.</exception>
    /// <exception cref="ArgumentException">Two tensors have one name.</exception>
    public static void Write(string path, IEnumerable<SafetensorsEntry> entries)
    {
        var ordered = entries.OrderByDescending(entry => entry.DType.Size()).ThenBy(entry => entry.Name, StringComparer.Ordinal).ToList();
        if (ordered.CountBy(entry => entry.Name).FirstOrDefault(name => name.Value > 1) is { Key: { } twice }) throw new ArgumentException($"two tensors are called {twice}");
        AtomicFile.Write(path, stream =>
        {
            WriteHeader(stream, ordered);
            foreach (var entry in ordered)
            {
                var start = stream.Position;
                entry.Write(stream);
                var expected = entry.Shape.Count * entry.DType.Size();
                if (stream.Position - start != expected) throw new InvalidOperationException($"{entry.Name}: {stream.Position - start} bytes written, expected {expected}");
            }
        });
    }

    private static void WriteHeader(Stream stream, List<SafetensorsEntry> entries)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            json.WriteEndObject();
            var offset = 0L;
            foreach (var entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", FormatName(entry.DType));
                json.WriteStartArray("shape");
                for (var axis = 0; axis < entry.Shape.Rank; axis++) json.WriteNumberValue(entry.Shape[axis]);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += entry.Shape.Count * entry.DType.Size());
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces fill the header up to a multiple of eight, so that the data is aligned.
        var padding = (8 - (int)(buffer.Length % 8)) % 8;
        Span<byte> length = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, buffer.Length + padding);
        stream.Write(length);
        buffer.WriteTo(stream);
        stream.Write(Encoding.ASCII.GetBytes(new string(' ', padding)));
    }

    /// <summary>What the format calls an element type.</summary>
    public static string FormatName(DType dtype) => dtype switch
    {
        DType.Float32 => "F32",
        DType.BFloat16 => "BF16",
        DType.Float16 => "F16",
        DType.Int64 => "I64",
        DType.Float64 => "F64",
        DType.Int32 => "I32",
        DType.UInt8 => "U8",
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "unknown element type"),
    };
}
