using QLora.Checkpoints.Gguf;
using QLora.Tensors;

namespace QLora.Tests.Checkpoints.Gguf;

/// <summary>A sound file gives what was written: every kind of value, shapes outermost first, tensors at their places.</summary>
public sealed class GgufFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly GgufFile _file;

    public GgufFileTests()
    {
        File.WriteAllBytes(_folder["x.gguf"], GgufBytes.Small().File);
        _file = GgufFile.Open(_folder["x.gguf"]);
    }

    public void Dispose()
    {
        _file.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Values_of_every_kind_are_read()
    {
        var metadata = _file.Metadata;
        Assert.Equal([200, -2, 60000, -2, 4_000_000_000, -2, -2],
            new[] { "uint8", "int8", "uint16", "int16", "uint32", "int32", "int64" }.Select(kind => metadata.GetInteger("a." + kind)!.Value));
        Assert.Equal((0.5, 0.25, 200.0), (metadata.GetNumber("a.float"), metadata.GetNumber("a.double"), metadata.GetNumber("a.uint8")));
        Assert.True(metadata.GetBoolean("a.bool"));
        Assert.Equal("naïve", metadata.GetString("a.string"));
        Assert.Equal(["x", ""], metadata.GetStrings("a.strings")!);
        Assert.Equal([1L, -1L], metadata.GetIntegers("a.int16s")!);
        Assert.Equal([1.0, -1.0], metadata.GetNumbers("a.int16s")!);
        Assert.Equal("2 × Array", metadata.Describe("a.nested"));
        Assert.Null(metadata.GetString("none"));
        Assert.Equal(15, metadata.Keys.Count());
    }

    [Theory]
    [InlineData("a.uint64", "is UInt64, expected an integer")] // the number itself is too large
    [InlineData("a.float", "is Single, expected an integer")]
    [InlineData("a.string", "is String, expected an integer")]
    [InlineData("a.strings", "is an array of String, expected an integer")]
    public void A_value_of_another_kind_is_named(string key, string expected)
        => Assert.Equal($"{_file.Path}: key {key} {expected}", Assert.Throws<QLoraException>(() => _file.Metadata.GetInteger(key)).Message);

    [Fact]
    public void An_array_of_something_else_is_named()
    {
        Assert.Equal($"{_file.Path}: key a.string is String, expected an array of strings", Assert.Throws<QLoraException>(() => _file.Metadata.GetStrings("a.string")).Message);
        Assert.EndsWith("expected strings", Assert.Throws<QLoraException>(() => _file.Metadata.GetStrings("a.int16s")).Message);
        Assert.EndsWith("expected integers", Assert.Throws<QLoraException>(() => _file.Metadata.GetIntegers("a.strings")).Message);
        Assert.EndsWith("expected numbers", Assert.Throws<QLoraException>(() => _file.Metadata.GetNumbers("a.nested")).Message);
    }

    [Fact]
    public void Tensors_lie_where_the_file_says()
    {
        Assert.Equal(new Shape(2, 3), _file.Tensors["f.weight"].Shape);
        Assert.Equal(new Shape(2, 1, 32), _file.Tensors["q.weight"].Shape);
        Assert.Equal((byte)32, _file.ReadRaw("h.weight")[0]);
        var second = new float[32];
        _file.ReadFloats("q.weight", 32, second);
        Assert.Equal((float)BitConverter.ToHalf([64 + 34, 64 + 35]) * (64 + 36), second[0]);
        Assert.Throws<ArgumentException>(() => _file.ReadFloats("q.weight", 16, second));
        Assert.EndsWith("there is no tensor z", Assert.Throws<QLoraException>(() => _file.ReadRaw("z")).Message);
    }

    [Fact]
    public void A_type_that_is_not_decoded_is_named_when_it_is_read()
    {
        File.WriteAllBytes(_folder["k.gguf"], new GgufBytes(1, 0).Tensor("k.weight", 10, 0, 256).Data(84));
        using var checkpoint = new GgufCheckpoint(GgufFile.Open(_folder["k.gguf"]));
        Assert.Equal(("Q2_K", null), (checkpoint.Weights["k.weight"].Format, checkpoint.Weights["k.weight"].StoredType));
        Assert.EndsWith("tensor k.weight is stored as Q2_K, which is not supported; there are F32, F16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K, BF16",
            Assert.Throws<QLoraException>(() => checkpoint.Read("k.weight", 0, new float[256])).Message);
    }

    [Fact]
    public void Data_begins_where_the_alignment_says()
    {
        File.WriteAllBytes(_folder["a.gguf"], new GgufBytes(1, 1).Value("general.alignment", GgufValueType.UInt32, 256).Tensor("b", 0, 256, 2).Data(512, alignment: 256));
        using var file = GgufFile.Open(_folder["a.gguf"]);
        Assert.Equal(512, file.Tensors["b"].Offset);
        Assert.Equal((byte)0, file.ReadRaw("b")[0]);
    }
}
