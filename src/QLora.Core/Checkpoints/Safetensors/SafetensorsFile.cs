using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using System.Text.Json;
using QLora.Tensors;

namespace QLora.Checkpoints;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">Its element type as the format calls it: F32, BF16, F16, I64, U8 …</param>
/// <param name="Shape">Its shape; a scalar counts as (1).</param>
/// <param name="Offset">Its first byte in the file.</param>
/// <param name="Bytes">Its size.</param>
public sealed record SafetensorsInfo(string Name, string DType, Shape Shape, long Offset, long Bytes);

/// <summary>
/// A safetensors file, mapped and checked when it is opened: the header is valid JSON, every tensor lies inside the file, none overlaps another, and each is as long as
/// its shape says.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int MaxHeaderBytes = 100_000_000; // the limit of the format's own library
    private const long MaxElements = 1L << 48;
    private readonly MappedFile _file;

    private SafetensorsFile(MappedFile file, FrozenDictionary<string, SafetensorsInfo> tensors, FrozenDictionary<string, string> metadata)
        => (_file, Tensors, Metadata) = (file, tensors, metadata);

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsInfo> Tensors { get; }

    /// <summary>What the writer noted: <c>{"format":"pt"}</c> and the like.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a file; only its header is read.</summary>
    /// <exception cref="QLoraException">It is missing, truncated or corrupt; the message says where.</exception>
    public static SafetensorsFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            var (tensors, metadata) = ReadHeader(file);
            return new SafetensorsFile(file, tensors, metadata);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a tensor, valid until the file is disposed.</summary>
    /// <exception cref="QLoraException">There is no such tensor.</exception>
    public ReadOnlySpan<byte> ReadRaw(string name)
    {
        var info = Find(name);
        return _file.Slice(info.Offset, info.Bytes);
    }

    /// <summary>Part of a tensor of F32, BF16 or F16, as Float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="firstElement">Where to start.</param>
    /// <param name="destination">Takes the elements from there on.</param>
    /// <exception cref="QLoraException">There is no such tensor, or it has another element type.</exception>
    public void ReadFloats(string name, long firstElement, Span<float> destination)
    {
        var info = Find(name);
        if (FloatType(info.DType) is not { } dtype) throw new QLoraException($"{Path}: tensor {name} is {info.DType}, expected F32, BF16 or F16");
        var bytes = _file.Slice(info.Offset + firstElement * dtype.Size(), (long)destination.Length * dtype.Size());
        FloatDecoder.Decode(bytes, dtype, destination);
    }

    /// <summary>A whole tensor of F32, BF16 or F16, as Float32.</summary>
    /// <exception cref="QLoraException">There is no such tensor, or it has another element type.</exception>
    public float[] ReadFloats(string name)
    {
        var values = new float[Find(name).Shape.Count];
        ReadFloats(name, 0, values);
        return values;
    }

    /// <summary>A whole tensor of I64 or I32.</summary>
    /// <exception cref="QLoraException">There is no such tensor, or it has another element type.</exception>
    public long[] ReadIntegers(string name)
    {
        var info = Find(name);
        var bytes = ReadRaw(name);
        return info.DType switch
        {
            "I64" => MemoryMarshal.Cast<byte, long>(bytes.ToArray()).ToArray(),
            "I32" => [.. MemoryMarshal.Cast<byte, int>(bytes.ToArray()).ToArray().Select(value => (long)value)],
            _ => throw new QLoraException($"{Path}: tensor {name} is {info.DType}, expected I64 or I32"),
        };
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <inheritdoc cref="WeightSource.ReleasePages"/>
    internal void ReleasePages() => _file.ReleasePages();

    /// <summary>The element type of the formats that decode to Float32; null for all others.</summary>
    internal static DType? FloatType(string dtype) => dtype switch
    {
        "F32" => DType.Float32,
        "BF16" => DType.BFloat16,
        "F16" => DType.Float16,
        _ => null,
    };

    private SafetensorsInfo Find(string name)
        => Tensors.TryGetValue(name, out var info) ? info : throw new QLoraException($"{Path}: there is no tensor {name}");

    private static (FrozenDictionary<string, SafetensorsInfo>, FrozenDictionary<string, string>) ReadHeader(MappedFile file)
    {
        if (file.Length < sizeof(long)) throw new QLoraException($"{file.Path}: {file.Length} bytes are no safetensors file; it begins with 8 bytes of header length");
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(file.Slice(0, sizeof(long)));
        if (headerLength > MaxHeaderBytes || (long)headerLength > file.Length - sizeof(long))
        {
            throw new QLoraException($"{file.Path}: the header is said to have {headerLength} bytes, but the file has {file.Length}; it is truncated or no safetensors file");
        }

        using var document = StrictJson.Parse(file.Slice(sizeof(long), (long)headerLength).ToArray(), $"{file.Path}: the header");
        return ReadEntries(file, document.RootElement, sizeof(long) + (long)headerLength);
    }

    private static (FrozenDictionary<string, SafetensorsInfo>, FrozenDictionary<string, string>) ReadEntries(MappedFile file, JsonElement root, long dataStart)
    {
        if (root.ValueKind != JsonValueKind.Object) throw new QLoraException($"{file.Path}: the header is {root.ValueKind}, expected a JSON object");
        var tensors = new Dictionary<string, SafetensorsInfo>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in root.EnumerateObject())
        {
            if (entry.Name == "__metadata__") ReadMetadata(file, entry.Value, metadata);
            else if (!tensors.TryAdd(entry.Name, ReadEntry(file, entry, dataStart))) throw new QLoraException($"{file.Path}: tensor {entry.Name} stands twice in the header");
        }

        CheckContiguous(file, tensors.Values, dataStart);
        return (tensors.ToFrozenDictionary(StringComparer.Ordinal), metadata.ToFrozenDictionary(StringComparer.Ordinal));
    }

    private static void ReadMetadata(MappedFile file, JsonElement notes, Dictionary<string, string> metadata)
    {
        if (notes.ValueKind != JsonValueKind.Object) throw new QLoraException($"{file.Path}: __metadata__ is {notes.ValueKind}, expected an object of strings");
        foreach (var note in notes.EnumerateObject())
        {
            if (note.Value.ValueKind != JsonValueKind.String) throw new QLoraException($"{file.Path}: __metadata__: {note.Name} is {note.Value.ValueKind}, expected a string");
            metadata[note.Name] = note.Value.GetString()!;
        }
    }

    private static SafetensorsInfo ReadEntry(MappedFile file, JsonProperty entry, long dataStart)
    {
        QLoraException Bad(string what) => new($"{file.Path}: tensor {entry.Name}: {what}");
        if (entry.Value.ValueKind != JsonValueKind.Object) throw Bad($"expected an object, found {entry.Value.ValueKind}");
        if (!entry.Value.TryGetProperty("dtype", out var dtype) || dtype.ValueKind != JsonValueKind.String) throw Bad("dtype is missing, expected a string");
        if (!entry.Value.TryGetProperty("shape", out var extents) || extents.ValueKind != JsonValueKind.Array) throw Bad("shape is missing, expected an array of integers");
        if (!entry.Value.TryGetProperty("data_offsets", out var offsets) || offsets.ValueKind != JsonValueKind.Array || offsets.GetArrayLength() != 2)
        {
            throw Bad("data_offsets are missing, expected two integers");
        }

        if (ElementBits(dtype.GetString()!) is not { } bits) throw Bad($"dtype {dtype.GetString()} is not known");
        var shape = ReadShape(extents, Bad);
        if (!IsInteger(offsets[0], out var start) || !IsInteger(offsets[1], out var end) || start < 0 || end < start || end > file.Length - dataStart)
        {
            throw Bad($"data_offsets {offsets.GetRawText()} leave the file's {file.Length - dataStart} bytes of data; it is truncated or corrupt");
        }

        if ((UInt128)shape.Count * (uint)bits != (UInt128)(end - start) * 8) throw Bad($"shape {extents.GetRawText()} of {dtype.GetString()} does not fill data_offsets {offsets.GetRawText()}");
        return new SafetensorsInfo(entry.Name, dtype.GetString()!, shape, dataStart + start, end - start);
    }

    private static Shape ReadShape(JsonElement extents, Func<string, QLoraException> bad)
    {
        var axes = extents.GetArrayLength();
        if (axes > 4) throw bad($"{axes} axes are not supported; expected four at most");
        Span<int> shape = stackalloc int[Math.Max(1, axes)];
        shape[0] = 1;
        var elements = 1L;
        for (var axis = 0; axis < axes; axis++)
        {
            if (!IsInteger(extents[axis], out var extent) || extent is < 0 or > int.MaxValue || elements > MaxElements / Math.Max(1, extent))
            {
                throw bad($"extent {extents[axis].GetRawText()} of shape {extents.GetRawText()} is not supported; the file is corrupt");
            }

            shape[axis] = (int)extent;
            elements *= Math.Max(1, extent);
        }

        return new Shape(shape);
    }

    private static bool IsInteger(JsonElement value, out long integer)
    {
        integer = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out integer);
    }

    /// <summary>The format leaves no gap and no overlap between tensors.</summary>
    private static void CheckContiguous(MappedFile file, IEnumerable<SafetensorsInfo> tensors, long dataStart)
    {
        var end = dataStart;
        foreach (var info in tensors.OrderBy(info => info.Offset).ThenBy(info => info.Bytes))
        {
            if (info.Offset != end) throw new QLoraException($"{file.Path}: tensor {info.Name} begins at byte {info.Offset}, expected {end}: tensors overlap or leave a gap");
            end += info.Bytes;
        }

        if (end != file.Length) throw new QLoraException($"{file.Path}: the tensors end at byte {end}, but the file has {file.Length}");
    }

    private static int? ElementBits(string dtype) => dtype switch
    {
        "F64" or "I64" or "U64" or "C64" => 64,
        "F32" or "I32" or "U32" => 32,
        "F16" or "BF16" or "I16" or "U16" => 16,
        "I8" or "U8" or "BOOL" or "F8_E4M3" or "F8_E5M2" or "F8_E8M0" or "F8_E4M3FNUZ" or "F8_E5M2FNUZ" => 8,
        "F6_E2M3" or "F6_E3M2" => 6,
        "F4" => 4,
        _ => null,
    };
}
