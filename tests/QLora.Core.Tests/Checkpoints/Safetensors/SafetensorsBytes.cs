using System.Buffers.Binary;
using System.Text;
using QLora.Checkpoints;

namespace QLora.Tests.Checkpoints;

/// <summary>Safetensors files made by hand, sound or not.</summary>
internal static class SafetensorsBytes
{
    /// <summary>A sound file with every element type that is decoded, a scalar, an empty tensor and notes.</summary>
    public static byte[] Small { get; } = Of(
        """
        {"__metadata__":{"format":"pt"},"f":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"h":{"dtype":"F16","shape":[4],"data_offsets":[24,32]},
        "b":{"dtype":"BF16","shape":[2,1,1,2],"data_offsets":[32,40]},"i":{"dtype":"I64","shape":[],"data_offsets":[40,48]},"e":{"dtype":"U8","shape":[0,5],"data_offsets":[48,48]}}
        """, 48);

    /// <summary>The length of <see cref="Small"/>'s header, with the eight bytes before it.</summary>
    public static int SmallHeader => Small.Length - 48;

    /// <summary>A file of a header and bytes that count up.</summary>
    public static byte[] Of(string header, int dataBytes) => Of(Encoding.UTF8.GetBytes(header), dataBytes);

    /// <summary>A file of a header and bytes that count up.</summary>
    public static byte[] Of(byte[] header, int dataBytes) => WithLength((ulong)header.Length, header, dataBytes);

    /// <summary>A file that says its header is of some other length.</summary>
    public static byte[] WithLength(ulong length, byte[] header, int dataBytes)
    {
        var file = new byte[sizeof(ulong) + header.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        header.CopyTo(file, sizeof(ulong));
        for (var i = 0; i < dataBytes; i++) file[sizeof(ulong) + header.Length + i] = (byte)i;
        return file;
    }

    /// <summary>Opens a file and reads all that it holds.</summary>
    public static void ReadAll(string path)
    {
        using var file = SafetensorsFile.Open(path);
        foreach (var info in file.Tensors.Values)
        {
            Assert.Equal(info.Bytes, file.ReadRaw(info.Name).Length);
            if (info.DType is "F32" or "F16" or "BF16") Assert.Equal(info.Shape.Count, file.ReadFloats(info.Name).Length);
            if (info.DType is "I64" or "I32") Assert.Equal(info.Shape.Count, file.ReadIntegers(info.Name).Length);
        }
    }
}
