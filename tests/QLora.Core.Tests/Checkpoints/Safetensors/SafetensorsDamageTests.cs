using CsCheck;
using QLora.Checkpoints;

namespace QLora.Tests.Checkpoints;

/// <summary>Truncated, flipped and lying safetensors files: a clear error each, or a file that can be read to its end.</summary>
public sealed class SafetensorsDamageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_small_file_is_sound()
    {
        Assert.Null(Open("sound", SafetensorsBytes.Small));
        using var file = SafetensorsFile.Open(_folder["x.safetensors"]);
        Assert.Equal(["b", "e", "f", "h", "i"], file.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("pt", file.Metadata["format"]);
        Assert.Equal([BitConverter.ToInt64([40, 41, 42, 43, 44, 45, 46, 47])], file.ReadIntegers("i"));
    }

    [Fact]
    public void Every_prefix_is_refused()
        => Assert.All(Damage.Prefixes(SafetensorsBytes.Small), damaged => Assert.NotNull(Open(damaged.What, damaged.Bytes)));

    [Fact]
    public void Every_flip_in_the_header_is_read_or_refused()
    {
        foreach (var (what, bytes) in Damage.Flips(SafetensorsBytes.Small, SafetensorsBytes.SmallHeader)) Open(what, bytes);
    }

    [Fact]
    public void Any_damage_is_read_or_refused()
        => Gen.Select(Gen.Int[0, SafetensorsBytes.SmallHeader - 1], Gen.Byte).Array[1, 6].Sample(changes =>
        {
            var bytes = SafetensorsBytes.Small.ToArray();
            foreach (var (at, value) in changes) bytes[at] = value;
            Open("damaged", bytes);
        }, iter: 300, threads: 1);

    [Theory]
    [InlineData(ulong.MaxValue), InlineData(1UL << 63), InlineData(1UL << 62), InlineData((1UL << 32) + 2), InlineData(100_000_001UL), InlineData(3UL), InlineData(0UL), InlineData(1UL)]
    public void A_header_of_another_length_is_refused(ulong length)
        => Assert.NotNull(Open($"header of {length}", SafetensorsBytes.WithLength(length, "{}"u8.ToArray(), 0)));

    [Theory]
    [InlineData("[]", "the header is Array, expected a JSON object")]
    [InlineData("{", "the header: not valid JSON")]
    [InlineData("{}//", "the header: not valid JSON")]
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "the header: not valid JSON")]
    [InlineData("""{"a":{"dtype":"\ud800","shape":[8],"data_offsets":[0,8]}}""", "the header: not valid JSON")]
    [InlineData("""{"a":1}""", "tensor a: expected an object, found Number")]
    [InlineData("""{"a":{"shape":[8],"data_offsets":[0,8]}}""", "tensor a: dtype is missing")]
    [InlineData("""{"a":{"dtype":8,"shape":[8],"data_offsets":[0,8]}}""", "tensor a: dtype is missing")]
    [InlineData("""{"a":{"dtype":"U9","shape":[8],"data_offsets":[0,8]}}""", "tensor a: dtype U9 is not known")]
    [InlineData("""{"a":{"dtype":"U8","data_offsets":[0,8]}}""", "tensor a: shape is missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":8,"data_offsets":[0,8]}}""", "tensor a: shape is missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":["8"],"data_offsets":[0,8]}}""", "tensor a: extent \"8\"")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8.0],"data_offsets":[0,8]}}""", "tensor a: extent 8.0")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}}""", "tensor a: extent -8")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4611686018427387904],"data_offsets":[0,8]}}""", "tensor a: extent 4611686018427387904")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2147483648,2],"data_offsets":[0,8]}}""", "tensor a: extent 2147483648")]
    [InlineData("""{"a":{"dtype":"F32","shape":[65536,65536,65536,65536],"data_offsets":[0,8]}}""", "tensor a: extent 65536")]
    [InlineData("""{"a":{"dtype":"F64","shape":[2147483647,2147483647,2147483647,2147483647],"data_offsets":[0,8]}}""", "tensor a: extent 2147483647")]
    [InlineData("""{"a":{"dtype":"F64","shape":[2147483647,2147483647,2147483647,0],"data_offsets":[0,0]}}""", "tensor a: extent 2147483647")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1,1,1,1,8],"data_offsets":[0,8]}}""", "tensor a: 5 axes are not supported")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8]}}""", "tensor a: data_offsets are missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0]}}""", "tensor a: data_offsets are missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8,8]}}""", "tensor a: data_offsets are missing")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":["0",8]}}""", "leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", "tensor a: data_offsets [0,9] leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[-1,7]}}""", "leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}}""", "leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[9223372036854775800,9223372036854775807]}}""", "leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[18446744073709551608,8]}}""", "leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[1e3,8]}}""", "leave the file's 8 bytes of data")]
    [InlineData("""{"a":{"dtype":"F32","shape":[8],"data_offsets":[0,8]}}""", "tensor a: shape [8] of F32 does not fill data_offsets [0,8]")]
    [InlineData("""{"a":{"dtype":"F4","shape":[17],"data_offsets":[0,8]}}""", "tensor a: shape [17] of F4 does not fill data_offsets [0,8]")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", "tensor b begins at byte")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "tensors overlap or leave a gap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", "tensors overlap or leave a gap")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}""", "the tensors end at byte")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", "tensor a stands twice in the header")]
    [InlineData("""{"__metadata__":[],"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "__metadata__ is Array, expected an object of strings")]
    [InlineData("""{"__metadata__":{"n":1},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""", "__metadata__: n is Number, expected a string")]
    public void A_lying_header_is_refused(string header, string expected)
        => Assert.Contains(expected, Open(header, SafetensorsBytes.Of(header, 8)));

    [Fact]
    public void Broken_text_and_deep_nesting_are_refused()
    {
        byte[] invalid = [.. "{\""u8, 0xC3, 0x28, .. "\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}"u8];
        Assert.Contains("not in UTF-8", Open("broken text", SafetensorsBytes.Of(invalid, 8)));
        var nested = "{\"a\":" + new string('[', 100_000) + new string(']', 100_000) + "}";
        Assert.Contains("the header: not valid JSON", Open("deep nesting", SafetensorsBytes.Of(nested, 8)));
    }

    [Fact]
    public void A_tensor_is_read_as_what_it_is()
    {
        Assert.Null(Open("sound", SafetensorsBytes.Small));
        using var file = SafetensorsFile.Open(_folder["x.safetensors"]);
        Assert.EndsWith("tensor i is I64, expected F32, BF16 or F16", Assert.Throws<QLoraException>(() => file.ReadFloats("i")).Message);
        Assert.EndsWith("tensor f is F32, expected I64 or I32", Assert.Throws<QLoraException>(() => file.ReadIntegers("f")).Message);
        Assert.EndsWith("there is no tensor z", Assert.Throws<QLoraException>(() => file.ReadFloats("z")).Message);
    }

    [Fact]
    public void What_is_no_file_is_refused()
    {
        Assert.EndsWith("there is no such file", Assert.Throws<QLoraException>(() => SafetensorsFile.Open(_folder["none"])).Message);
        Assert.Contains("cannot be read", Assert.Throws<QLoraException>(() => SafetensorsFile.Open(_folder.Path)).Message);
        Assert.Contains("cannot be read", Assert.Throws<QLoraException>(() => SafetensorsFile.Open(_folder["none/none"])).Message);
        Assert.NotNull(Open("empty", []));
    }

    private string? Open(string what, byte[] bytes)
    {
        var path = _folder["x.safetensors"];
        File.WriteAllBytes(path, bytes);
        return Damage.ReadOrRefuse(what, path, SafetensorsBytes.ReadAll);
    }
}
