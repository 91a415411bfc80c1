using System.Runtime.InteropServices;
using System.Text;
using QLora.Checkpoints.Gguf;

namespace QLora.Testing;

/// <summary>GGUF files made by hand, sound or not: what it is told, field by field.</summary>
public sealed class GgufBytes
{
    private readonly MemoryStream _stream = new();

    /// <summary>Starts with magic, version and the two counts.</summary>
    public GgufBytes(ulong tensors, ulong values, uint version = 3, string magic = "GGUF")
    {
        Raw(Encoding.ASCII.GetBytes(magic)).UInt32(version).UInt64(tensors).UInt64(values);
    }

    /// <summary>A sound file with a value of every kind, nested arrays, and tensors of three types.</summary>
    public static (byte[] File, int Header) Small()
    {
        var file = new GgufBytes(3, 15)
            .Value("a.uint8", GgufValueType.UInt8, 200).Value("a.int8", GgufValueType.Int8, 0xFE).Value("a.uint16", GgufValueType.UInt16, 60000)
            .Value("a.int16", GgufValueType.Int16, 0xFFFE).Value("a.uint32", GgufValueType.UInt32, 4_000_000_000).Value("a.int32", GgufValueType.Int32, 0xFFFF_FFFE)
            .Value("a.float", GgufValueType.Float32, BitConverter.SingleToUInt32Bits(0.5f)).Value("a.bool", GgufValueType.Boolean, 1)
            .Value("a.uint64", GgufValueType.UInt64, ulong.MaxValue).Value("a.int64", GgufValueType.Int64, unchecked((ulong)-2L))
            .Value("a.double", GgufValueType.Float64, BitConverter.DoubleToUInt64Bits(0.25))
            .Key("a.string", GgufValueType.String).String("naïve")
            .Key("a.strings", GgufValueType.Array).UInt32((uint)GgufValueType.String).UInt64(2).String("x").String("")
            .Key("a.int16s", GgufValueType.Array).UInt32((uint)GgufValueType.Int16).UInt64(2).Raw([1, 0, 0xFF, 0xFF])
            .Key("a.nested", GgufValueType.Array).UInt32((uint)GgufValueType.Array).UInt64(2)
            .UInt32((uint)GgufValueType.UInt8).UInt64(1).Raw([7]).UInt32((uint)GgufValueType.UInt8).UInt64(0)
            .Tensor("f.weight", 0, 0, 3, 2).Tensor("h.weight", 1, 32, 4).Tensor("q.weight", 8, 64, 32, 1, 2);
        var header = file.Length;
        return (file.Data(64 + 2 * 34), header);
    }

    public int Length => (int)_stream.Length;

    public GgufBytes Raw(ReadOnlySpan<byte> bytes)
    {
        _stream.Write(bytes);
        return this;
    }

    public GgufBytes UInt32(uint value) => Raw(BitConverter.GetBytes(value));

    public GgufBytes UInt64(ulong value) => Raw(BitConverter.GetBytes(value));

    public GgufBytes String(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return UInt64((ulong)bytes.Length).Raw(bytes);
    }

    public GgufBytes Key(string key, GgufValueType type) => String(key).UInt32((uint)type);

    /// <summary>A value of a fixed size, from its bits.</summary>
    public GgufBytes Value(string key, GgufValueType type, ulong bits) => Key(key, type).Raw(BitConverter.GetBytes(bits).AsSpan(0, type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Boolean => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        _ => 8,
    }));

    /// <summary>A tensor's header; extents innermost first, as in the file.</summary>
    public GgufBytes Tensor(string name, uint type, ulong offset, params ulong[] extents)
    {
        String(name).UInt32((uint)extents.Length);
        foreach (var extent in extents) UInt64(extent);
        return UInt32(type).UInt64(offset);
    }

    /// <summary>Fills up to the alignment.</summary>
    public GgufBytes Align(int alignment = 32)
    {
        while (_stream.Length % alignment != 0) _stream.WriteByte(0);
        return this;
    }

    public GgufBytes Floats(ReadOnlySpan<float> values) => Raw(MemoryMarshal.AsBytes(values));

    /// <summary>Fills up to the alignment, then bytes that count up: the whole file.</summary>
    public byte[] Data(int bytes, int alignment = 32)
    {
        Align(alignment);
        for (var i = 0; i < bytes; i++) _stream.WriteByte((byte)i);
        return ToArray();
    }

    public byte[] ToArray() => _stream.ToArray();
}
