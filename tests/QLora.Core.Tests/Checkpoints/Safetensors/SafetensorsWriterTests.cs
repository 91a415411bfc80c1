using System.Runtime.InteropServices;
using CsCheck;
using QLora.Checkpoints;
using QLora.Tensors;

namespace QLora.Tests.Checkpoints;

/// <summary>What is written is read again, in every element type; what cannot be finished is not there.</summary>
public sealed class SafetensorsWriterTests : IDisposable
{
    private static readonly Gen<SafetensorsEntry> Entries = Gen.Select(
        Gen.String[Gen.Char["abc.é\"\\0 "], 1, 12], Gen.Enum<DType>().Where(dtype => dtype.BlockSize() == 1), Gen.Int[0, 4].Array[1, 4], Gen.Byte.Array[4 * 4 * 4 * 4 * 8],
        (name, dtype, extents, bytes) =>
        {
            var shape = new Shape(extents);
            return new SafetensorsEntry(name, dtype, shape, stream => stream.Write(bytes.AsSpan(0, (int)shape.Count * dtype.Size())));
        });

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Any_tensors_are_read_as_they_were_written()
        => Entries.Array[0, 6].Where(entries => entries.DistinctBy(entry => entry.Name).Count() == entries.Length).Sample(entries =>
        {
            var path = _folder["x.safetensors"];
            SafetensorsWriter.Write(path, entries);
            using var file = SafetensorsFile.Open(path);
            Assert.Equal("pt", file.Metadata["format"]);
            Assert.Equal(entries.Select(entry => entry.Name).Order(StringComparer.Ordinal), file.Tensors.Keys.Order(StringComparer.Ordinal));
            foreach (var entry in entries)
            {
                using var written = new MemoryStream();
                entry.Write(written);
                Assert.Equal(entry.Shape, file.Tensors[entry.Name].Shape);
                Assert.Equal(written.ToArray(), file.ReadRaw(entry.Name));
            }
        }, iter: 200, threads: 1);

    [Fact]
    public void Floating_point_numbers_keep_every_bit()
    {
        var halves = Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits).ToArray();
        float[] singles = [0f, -0f, float.Epsilon, float.MaxValue, float.NegativeInfinity, float.NaN, 1f / 3, -1e-30f];
        var shape = new Shape(256, 256);
        var path = _folder["x.safetensors"];
        SafetensorsWriter.Write(path,
        [
            SafetensorsWriter.Entry("f", new Shape(2, 4), singles),
            new SafetensorsEntry("h", DType.Float16, shape, stream => stream.Write(MemoryMarshal.AsBytes<ushort>(halves))),
            new SafetensorsEntry("b", DType.BFloat16, shape, stream => stream.Write(MemoryMarshal.AsBytes<ushort>(halves))),
        ]);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(singles.Select(BitConverter.SingleToUInt32Bits), file.ReadFloats("f").Select(BitConverter.SingleToUInt32Bits));
        Assert.Equal(halves.Select(bits => (float)BitConverter.UInt16BitsToHalf(bits)), file.ReadFloats("h"));
        Assert.Equal(halves.Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)), file.ReadFloats("b"));
        var part = new float[3];
        file.ReadFloats("h", 0x3C00, part); // from 1 on
        Assert.Equal([1f, 1 + 1f / 1024, 1 + 2f / 1024], part);
    }

    [Fact]
    public void Data_is_aligned_and_wider_types_go_first()
    {
        var path = _folder["x.safetensors"];
        SafetensorsWriter.Write(path, [Bytes("a", DType.UInt8, 3), Bytes("b", DType.Float16, 6), Bytes("d", DType.Float32, 8), Bytes("c", DType.Int64, 16)]);
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(["c", "d", "b", "a"], file.Tensors.Values.OrderBy(info => info.Offset).Select(info => info.Name));
        Assert.All(file.Tensors.Values.Where(info => info.Name != "a"), info => Assert.Equal(0, info.Offset % (info.Bytes / info.Shape.Count)));
    }

    [Fact]
    public void An_interrupted_writer_leaves_the_file_that_was_there()
    {
        var path = _folder["x.safetensors"];
        SafetensorsWriter.Write(path, [Bytes("old", DType.UInt8, 3)]);
        var before = File.ReadAllBytes(path);
        Assert.Throws<OperationCanceledException>(() => SafetensorsWriter.Write(path,
            [Bytes("new", DType.UInt8, 100_000), new SafetensorsEntry("later", DType.UInt8, new Shape(1), _ => throw new OperationCanceledException())]));
        Assert.Throws<InvalidOperationException>(() => SafetensorsWriter.Write(path, [new SafetensorsEntry("short", DType.UInt8, new Shape(4), stream => stream.WriteByte(1))]));
        Assert.Equal(before, File.ReadAllBytes(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Two_tensors_of_one_name_are_refused()
        => Assert.Throws<ArgumentException>(() => SafetensorsWriter.Write(_folder["x.safetensors"], [Bytes("a", DType.UInt8, 3), Bytes("a", DType.UInt8, 3)]));

    private static SafetensorsEntry Bytes(string name, DType dtype, int count) => new(name, dtype, new Shape(count / dtype.Size()), stream => stream.Write(new byte[count]));
}
