using CsCheck;
using QLora.Checkpoints.Gguf;

namespace QLora.Tests.Checkpoints.Gguf;

/// <summary>Truncated, flipped and lying GGUF files: a clear error each, or a file that can be read to its end.</summary>
public sealed class GgufDamageTests : IDisposable
{
    private const ulong Absurd = 1UL << 60;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_small_file_is_sound() => Assert.Null(Open("sound", GgufBytes.Small().File));

    [Fact]
    public void Every_prefix_is_refused() => Assert.All(Damage.Prefixes(GgufBytes.Small().File), damaged => Assert.NotNull(Open(damaged.What, damaged.Bytes)));

    [Fact]
    public void Every_flip_in_the_header_is_read_or_refused()
    {
        var (file, header) = GgufBytes.Small();
        foreach (var (what, bytes) in Damage.Flips(file, header)) Open(what, bytes);
    }

    [Fact]
    public void Any_damage_is_read_or_refused()
    {
        var (file, header) = GgufBytes.Small();
        Gen.Select(Gen.Int[0, header - 1], Gen.Byte).Array[1, 6].Sample(changes =>
        {
            var bytes = file.ToArray();
            foreach (var (at, value) in changes) bytes[at] = value;
            Open("damaged", bytes);
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void What_is_no_GGUF_file_is_refused()
    {
        Refused("this is no GGUF file; it should begin with 'GGUF'", new GgufBytes(0, 0, magic: "GGML"));
        Refused("GGUF version 1 is not supported; expected 2 or 3", new GgufBytes(0, 0, version: 1));
        Refused("GGUF version 4 is not supported; expected 2 or 3", new GgufBytes(0, 0, version: 4));
        Refused("the file is big-endian, which is not supported", new GgufBytes(0, 0, version: 0x03000000));
        Assert.EndsWith("there is no such file", Assert.Throws<QLoraException>(() => GgufFile.Open(_folder["none"])).Message);
    }

    [Fact]
    public void Absurd_counts_are_refused_before_anything_is_taken_for_them()
    {
        Refused($"{Absurd} tensors do not fit", new GgufBytes(Absurd, 0));
        Refused($"{ulong.MaxValue} metadata values do not fit", new GgufBytes(0, ulong.MaxValue));
        Refused($"{1UL << 62} bytes of a string do not fit", new GgufBytes(0, 1).UInt64(1UL << 62).Raw(new byte[100]));
        Refused($"{1UL << 62} bytes of a string do not fit", new GgufBytes(0, 1).Key("k", GgufValueType.String).UInt64(1UL << 62).Raw(new byte[100]));
        foreach (var type in new[] { GgufValueType.UInt8, GgufValueType.String, GgufValueType.Array, GgufValueType.Float64 })
        {
            Refused($"{Absurd} elements of k do not fit", new GgufBytes(0, 1).Key("k", GgufValueType.Array).UInt32((uint)type).UInt64(Absurd).Raw(new byte[100]));
        }
    }

    [Fact]
    public void Nested_arrays_end_somewhere()
    {
        var file = new GgufBytes(0, 1).Key("k", GgufValueType.Array);
        for (var depth = 0; depth < 100_000; depth++) file.UInt32((uint)GgufValueType.Array).UInt64(1);
        Refused("key k holds arrays nested deeper than 4", file);
        var wide = new GgufBytes(0, 1).Key("k", GgufValueType.Array).UInt32((uint)GgufValueType.Array).UInt64(50_000);
        for (var i = 0; i < 50_000; i++) wide.UInt32((uint)GgufValueType.UInt8).UInt64(0);
        Assert.Null(Open("wide", wide.Data(0)));
    }

    [Fact]
    public void Unknown_kinds_are_named()
    {
        Refused("key k has value type 13, which GGUF does not know", new GgufBytes(0, 1).String("k").UInt32(13).Raw(new byte[8]));
        Refused("key k has value type 4294967295, which GGUF does not know", new GgufBytes(0, 1).Key("k", GgufValueType.Array).UInt32(uint.MaxValue).UInt64(0));
        Refused("tensor t has type 4, which is not known", new GgufBytes(1, 0).Tensor("t", 4, 0, 8));
        Refused("tensor t has type 4294967295, which is not known", new GgufBytes(1, 0).Tensor("t", uint.MaxValue, 0, 8));
    }

    [Fact]
    public void Names_stand_once()
    {
        Refused("key k stands twice in the metadata", new GgufBytes(0, 2).Value("k", GgufValueType.UInt8, 1).Value("k", GgufValueType.UInt8, 1));
        Refused("tensor t stands twice in the header", new GgufBytes(2, 0).Tensor("t", 0, 0, 8).Tensor("t", 0, 32, 8));
    }

    [Fact]
    public void An_impossible_alignment_is_refused()
    {
        foreach (var (type, value) in new[]
        {
            (GgufValueType.UInt32, 0UL), (GgufValueType.UInt32, 48UL), (GgufValueType.UInt32, 1UL << 31), (GgufValueType.Int32, 0xFFFF_FFE0UL),
            (GgufValueType.UInt64, 1UL << 62), (GgufValueType.UInt64, 1UL << 63), (GgufValueType.Float32, 32UL), (GgufValueType.Boolean, 1UL),
        })
        {
            Refused("general.alignment", new GgufBytes(1, 1).Value("general.alignment", type, value).Tensor("t", 0, 0, 8));
        }
    }

    [Fact]
    public void Shapes_that_cannot_be_are_refused()
    {
        Refused("tensor t has 0 axes, expected one to four", new GgufBytes(1, 0).Tensor("t", 0, 0));
        Refused("tensor t has 5 axes, expected one to four", new GgufBytes(1, 0).Tensor("t", 0, 0, 1, 1, 1, 1, 8));
        Refused("tensor t has 4294967295 axes", new GgufBytes(1, 0).String("t").UInt32(uint.MaxValue).Raw(new byte[100]));
        foreach (var extents in new ulong[][] { [0], [8, 0], [Absurd], [1UL << 31], [1 << 30, 1 << 30], [65536, 65536, 65536, 65536], [ulong.MaxValue, ulong.MaxValue] })
        {
            Refused("tensor t has an extent of", new GgufBytes(1, 0).Tensor("t", 0, 0, extents));
        }

        Refused("tensor t [2, 48] has rows of 48, which Q8_0 cannot cut into blocks of 32", new GgufBytes(1, 0).Tensor("t", 8, 0, 48, 2));
    }

    [Fact]
    public void Places_outside_the_file_on_each_other_or_between_are_refused()
    {
        Refused("leaves the file of", new GgufBytes(1, 0).Tensor("t", 0, 1024, 8));
        Refused("leaves the file of", new GgufBytes(1, 0).Tensor("t", 0, 0, 1025));
        foreach (var offset in new[] { Absurd, 1UL << 62, 1UL << 63, ulong.MaxValue - 31 }) Refused("leaves the file of", new GgufBytes(1, 0).Tensor("t", 0, offset, 8));
        Refused("tensor t begins at 8, which is not aligned to 32", new GgufBytes(1, 0).Tensor("t", 0, 8, 8));
        Refused("tensors t and u overlap", new GgufBytes(2, 0).Tensor("u", 0, 32, 8).Tensor("t", 0, 0, 9));
        Refused("overlap", new GgufBytes(2, 0).Tensor("u", 0, 0, 8).Tensor("t", 0, 0, 8));
    }

    private void Refused(string expected, GgufBytes file) => Assert.Contains(expected, Open(expected, file.Data(1024)));

    private string? Open(string what, byte[] bytes)
    {
        var path = _folder["x.gguf"];
        File.WriteAllBytes(path, bytes);
        return Damage.ReadOrRefuse(what, path, ReadAll);
    }

    private static void ReadAll(string path)
    {
        using var file = GgufFile.Open(path);
        foreach (var key in file.Metadata.Keys)
        {
            Assert.NotNull(file.Metadata.Describe(key));
            foreach (var get in new Func<string, object?>[]
            {
                file.Metadata.GetString, key => file.Metadata.GetInteger(key), key => file.Metadata.GetNumber(key), key => file.Metadata.GetBoolean(key),
                file.Metadata.GetStrings, file.Metadata.GetIntegers, file.Metadata.GetNumbers,
            })
            {
                try
                {
                    Assert.NotNull(get(key));
                }
                catch (QLoraException error)
                {
                    Assert.Contains(path, error.Message);
                    Assert.Contains(", expected ", error.Message);
                }
            }
        }

        foreach (var tensor in file.Tensors.Values)
        {
            Assert.Equal(tensor.Bytes, file.ReadRaw(tensor.Name).Length);
            if (tensor.Type.Decode is not null) file.ReadFloats(tensor.Name, 0, new float[tensor.Shape.Count]);
        }
    }
}
