using System.Buffers.Binary;
using System.Text;

namespace QLora.Checkpoints.Gguf;

/// <summary>Walks over the header of a mapped GGUF file; every step is checked against the file's end before anything is read or allocated.</summary>
internal sealed class GgufReader(MappedFile file, long position = 0)
{
    private const int MaxArrayDepth = 4;

    public long Position { get; private set; } = position;

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    /// <summary>A count of things that take at least <paramref name="smallest"/> bytes each, so that no count can ask for more than the file holds.</summary>
    public int ReadCount(string what, int smallest)
    {
        var count = ReadUInt64();
        if (count > (ulong)((file.Length - Position) / smallest) || count > int.MaxValue)
        {
            throw new QLoraException($"{file.Path}: {count} {what} do not fit in the {file.Length - Position} bytes left; the file is truncated or corrupt");
        }

        return (int)count;
    }

    public string ReadString()
    {
        var length = ReadCount("bytes of a string", 1);
        return Encoding.UTF8.GetString(Take(length));
    }

    public object ReadValue(string key)
    {
        var type = ReadType(key);
        return type == GgufValueType.Array ? ReadArray(key, 1) : ReadScalar(type);
    }

    private GgufArray ReadArray(string key, int depth)
    {
        if (depth > MaxArrayDepth) throw new QLoraException($"{file.Path}: key {key} holds arrays nested deeper than {MaxArrayDepth}");
        var type = ReadType(key);
        var count = ReadCount($"elements of {key}", SmallestSize(type));
        var start = Position;
        Skip(key, type, count, depth);
        return new GgufArray(type, count, () => ReadElements(key, type, count, start, depth));
    }

    private IEnumerable<object> ReadElements(string key, GgufValueType type, int count, long start, int depth)
    {
        var reader = new GgufReader(file, start);
        for (var i = 0; i < count; i++) yield return type == GgufValueType.Array ? reader.ReadArray(key, depth + 1) : reader.ReadScalar(type);
    }

    private void Skip(string key, GgufValueType type, int count, int depth)
    {
        switch (type)
        {
            case GgufValueType.String:
                for (var i = 0; i < count; i++) Take(ReadCount($"bytes of a string of {key}", 1));
                break;
            case GgufValueType.Array:
                for (var i = 0; i < count; i++) ReadArray(key, depth + 1);
                break;
            default:
                Take((long)count * SmallestSize(type));
                break;
        }
    }

    private GgufValueType ReadType(string key)
    {
        var type = (GgufValueType)ReadUInt32();
        return type <= GgufValueType.Float64 ? type : throw new QLoraException($"{file.Path}: key {key} has value type {(uint)type}, which GGUF does not know");
    }

    private object ReadScalar(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 => Take(1)[0],
        GgufValueType.Int8 => (sbyte)Take(1)[0],
        GgufValueType.UInt16 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        GgufValueType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        GgufValueType.UInt32 => ReadUInt32(),
        GgufValueType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
        GgufValueType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        GgufValueType.Boolean => Take(1)[0] != 0,
        GgufValueType.String => ReadString(),
        GgufValueType.UInt64 => ReadUInt64(),
        GgufValueType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(Take(8)),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
    };

    private static int SmallestSize(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Boolean => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.Array => 12,
        _ => 8,
    };

    private ReadOnlySpan<byte> Take(long length)
    {
        if (length > file.Length - Position) throw new QLoraException($"{file.Path}: the header ends at byte {file.Length}, {length} more are expected at {Position}; the file is truncated");
        var bytes = file.Slice(Position, length);
        Position += length;
        return bytes;
    }
}
