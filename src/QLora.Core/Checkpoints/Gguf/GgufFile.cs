using System.Buffers.Binary;
using System.Collections.Frozen;
using QLora.Tensors;

namespace QLora.Checkpoints.Gguf;

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Shape">Its shape, outermost first as in PyTorch; the file lists extents the other way round.</param>
/// <param name="Offset">Its first byte in the file.</param>
/// <param name="Bytes">Its size.</param>
public sealed record GgufTensor(string Name, GgmlType Type, Shape Shape, long Offset, long Bytes);

/// <summary>
/// A GGUF file (llama.cpp, version 2 or 3, little endian), mapped and checked when it is opened: counts and lengths against the file's size, every tensor inside it and aligned.
/// </summary>
public sealed class GgufFile : IDisposable
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const int DefaultAlignment = 32;
    private readonly MappedFile _file;

    private GgufFile(MappedFile file, GgufMetadata metadata, FrozenDictionary<string, GgufTensor> tensors) => (_file, Metadata, Tensors) = (file, metadata, tensors);

    /// <summary>The file.</summary>
    public string Path => _file.Path;

    /// <summary>Keys and values.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>Every tensor by name.</summary>
    public IReadOnlyDictionary<string, GgufTensor> Tensors { get; }

    /// <summary>Opens a file; only its header is read.</summary>
    /// <exception cref="QLoraException">It is missing, truncated, corrupt, or of another version; the message says where.</exception>
    public static GgufFile Open(string path)
    {
        var file = MappedFile.Open(path);
        try
        {
            return Read(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Part of a tensor as Float32.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="firstElement">Where to start; a multiple of the type's block size.</param>
    /// <param name="destination">Takes the elements from there on; whole blocks.</param>
    /// <exception cref="QLoraException">There is no such tensor, or its type is not supported.</exception>
    public void ReadFloats(string name, long firstElement, Span<float> destination)
    {
        var tensor = Find(name);
        var type = tensor.Type;
        if (type.Decode is null) throw new QLoraException($"{Path}: tensor {name} is stored as {type.Name}, which is not supported; there are {GgmlType.SupportedNames}");
        if (firstElement % type.BlockSize != 0 || destination.Length % type.BlockSize != 0)
        {
            throw new ArgumentException($"elements {firstElement} + {destination.Length} of {name} are no whole blocks of {type.BlockSize}");
        }

        var bytes = _file.Slice(tensor.Offset + firstElement / type.BlockSize * type.BlockBytes, destination.Length / type.BlockSize * (long)type.BlockBytes);
        type.Decode(bytes, destination);
    }

    /// <summary>The bytes of a tensor, valid until the file is disposed.</summary>
    /// <exception cref="QLoraException">There is no such tensor.</exception>
    public ReadOnlySpan<byte> ReadRaw(string name)
    {
        var tensor = Find(name);
        return _file.Slice(tensor.Offset, tensor.Bytes);
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <inheritdoc cref="WeightSource.ReleasePages"/>
    internal void ReleasePages() => _file.ReleasePages();

    private GgufTensor Find(string name) => Tensors.TryGetValue(name, out var tensor) ? tensor : throw new QLoraException($"{Path}: there is no tensor {name}");

    private static GgufFile Read(MappedFile file)
    {
        var reader = new GgufReader(file);
        if (file.Length < sizeof(uint) || reader.ReadUInt32() != Magic) throw new QLoraException($"{file.Path}: this is no GGUF file; it should begin with 'GGUF'");
        var version = reader.ReadUInt32();
        if (version is not (2 or 3))
        {
            throw new QLoraException(BinaryPrimitives.ReverseEndianness(version) is 2 or 3
                ? $"{file.Path}: the file is big-endian, which is not supported"
                : $"{file.Path}: GGUF version {version} is not supported; expected 2 or 3");
        }

        var tensorCount = reader.ReadCount("tensors", smallest: 24);
        var valueCount = reader.ReadCount("metadata values", smallest: 13);
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        for (var i = 0; i < valueCount; i++)
        {
            var key = reader.ReadString();
            if (!values.TryAdd(key, reader.ReadValue(key))) throw new QLoraException($"{file.Path}: key {key} stands twice in the metadata");
        }

        var metadata = new GgufMetadata(file.Path, values);
        var alignment = metadata.GetInteger("general.alignment") ?? DefaultAlignment;
        if (alignment is < 1 or > 1 << 20 || !long.IsPow2(alignment)) throw new QLoraException($"{file.Path}: general.alignment is {alignment}, expected a power of two");
        return new GgufFile(file, metadata, ReadTensors(file, reader, tensorCount, alignment));
    }

    private static FrozenDictionary<string, GgufTensor> ReadTensors(MappedFile file, GgufReader reader, int count, long alignment)
    {
        var headers = new List<(string Name, Shape Shape, GgmlType Type, ulong Offset)>();
        for (var i = 0; i < count; i++)
        {
            var name = reader.ReadString();
            headers.Add((name, ReadShape(file, reader, name), GgmlType.FromId(reader.ReadUInt32(), file.Path, name), reader.ReadUInt64()));
        }

        var dataStart = (reader.Position + alignment - 1) / alignment * alignment;
        var tensors = new Dictionary<string, GgufTensor>(StringComparer.Ordinal);
        foreach (var (name, shape, type, offset) in headers)
        {
            var rowLength = shape[shape.Rank - 1];
            if (rowLength % type.BlockSize != 0) throw new QLoraException($"{file.Path}: tensor {name} {shape} has rows of {rowLength}, which {type.Name} cannot cut into blocks of {type.BlockSize}");
            var bytes = shape.Count / type.BlockSize * type.BlockBytes;
            if (offset % (ulong)alignment != 0) throw new QLoraException($"{file.Path}: tensor {name} begins at {offset}, which is not aligned to {alignment}");
            if (offset > long.MaxValue / 2 || dataStart + (long)offset > file.Length - bytes)
            {
                throw new QLoraException($"{file.Path}: tensor {name} of {bytes} bytes at {offset} leaves the file of {file.Length}; it is truncated or corrupt");
            }

            if (!tensors.TryAdd(name, new GgufTensor(name, type, shape, dataStart + (long)offset, bytes))) throw new QLoraException($"{file.Path}: tensor {name} stands twice in the header");
        }

        CheckNoOverlap(file, tensors.Values);
        return tensors.ToFrozenDictionary(StringComparer.Ordinal);
    }

    private static Shape ReadShape(MappedFile file, GgufReader reader, string name)
    {
        var rank = reader.ReadUInt32();
        if (rank is < 1 or > 4) throw new QLoraException($"{file.Path}: tensor {name} has {rank} axes, expected one to four");
        Span<int> extents = stackalloc int[(int)rank];
        UInt128 elements = 1;
        for (var axis = (int)rank - 1; axis >= 0; axis--)
        {
            var extent = reader.ReadUInt64();
            elements *= extent;
            if (extent is 0 or > int.MaxValue || elements > (UInt128)file.Length * 64) throw new QLoraException($"{file.Path}: tensor {name} has an extent of {extent}; the file is corrupt");
            extents[axis] = (int)extent;
        }

        return new Shape(extents);
    }

    private static void CheckNoOverlap(MappedFile file, IEnumerable<GgufTensor> tensors)
    {
        GgufTensor? previous = null;
        foreach (var tensor in tensors.OrderBy(tensor => tensor.Offset))
        {
            if (previous is not null && previous.Offset + previous.Bytes > tensor.Offset) throw new QLoraException($"{file.Path}: tensors {previous.Name} and {tensor.Name} overlap");
            previous = tensor;
        }
    }
}
