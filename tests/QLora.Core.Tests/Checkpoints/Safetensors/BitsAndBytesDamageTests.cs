using System.Runtime.InteropServices;
using System.Text;
using QLora.Backends.Reference;
using QLora.Checkpoints;
using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Tests.Checkpoints;

/// <summary>4-bit weights whose parts are missing, misshapen or lie about each other.</summary>
public sealed class BitsAndBytesDamageTests : IDisposable
{
    private const string Weight = "q_proj.weight", StateName = Weight + ".quant_state.bitsandbytes__nf4";
    private const string State = """{"quant_type":"nf4","blocksize":64,"dtype":"bfloat16","shape":[5,30],"nested_blocksize":2,"nested_dtype":"float32","nested_offset":0.5}""";
    private const string PlainState = """{"quant_type":"nf4","blocksize":64,"dtype":"bfloat16","shape":[5,30]}""";
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceBackend _backend = new();

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_small_weight_is_sound()
    {
        Assert.Null(Open("sound", DoubleQuantized()));
        using var checkpoint = SafetensorsCheckpoint.Open(_folder.Path);
        var info = Assert.Single(checkpoint.Weights.Values);
        Assert.Equal((Weight, "nf4", new Shape(5, 30), true), (info.Name, info.Format, info.Shape, info.IsQuantized));
        Assert.Equal(checkpoint.FindTensor(Weight)!.Value.Info.Bytes + 3 + 64 + 8 + 1024 + State.Length, info.Bytes);
        using var weight = checkpoint.ReadQuantized(Weight, _backend);
        var values = new float[150];
        BlockQuantizer.Dequantize(weight, values);
        Assert.Equal(DynamicMap.Signed.Values[1] * 1f + 0.5f, values[64] / Codebook.Nf4.Values[0]);
    }

    [Fact]
    public void Every_flip_and_prefix_of_the_description_is_read_or_refused()
    {
        var sound = Encoding.UTF8.GetBytes(State);
        foreach (var (what, bytes) in Damage.Prefixes(sound)) Assert.NotNull(Open(what, With(StateName, DType.UInt8, bytes)));
        SafetensorsWriter.Write(_folder["model.safetensors"], DoubleQuantized());
        var file = File.ReadAllBytes(_folder["model.safetensors"]);
        var place = file.AsSpan().IndexOf(sound);
        foreach (var (what, bytes) in Damage.Flips(sound, sound.Length))
        {
            bytes.CopyTo(file, place);
            File.WriteAllBytes(_folder["model.safetensors"], file);
            Open(what);
        }
    }

    [Theory]
    [InlineData(""), InlineData(".absmax"), InlineData(".quant_map"), InlineData(".nested_absmax"), InlineData(".nested_quant_map")]
    public void A_missing_part_is_named(string part)
    {
        var message = Open("without " + part, DoubleQuantized().Where(entry => entry.Name != Weight + part));
        if (part == "") Assert.Null(message); // then the parts are tensors like others, which no model has
        else Assert.Contains($"{Weight}{part} is missing; the 4-bit weight is incomplete", message);
    }

    [Theory]
    [InlineData("", DType.UInt8, 74, "has 74 bytes, expected 75")]
    [InlineData("", DType.UInt8, 79, "has 79 bytes, expected 75")]
    [InlineData(".absmax", DType.UInt8, 4, "has 4 bytes, expected 3")]
    [InlineData(".absmax", DType.Float32, 3, "is F32, expected U8")]
    [InlineData(".quant_map", DType.Float32, 15, "has 60 bytes, expected 64")]
    [InlineData(".quant_map", DType.Float16, 32, "is F16, expected F32")]
    [InlineData(".nested_absmax", DType.Float32, 3, "has 12 bytes, expected 8")]
    [InlineData(".nested_quant_map", DType.Float32, 255, "has 1020 bytes, expected 1024")]
    public void A_part_of_another_size_or_type_is_named(string part, DType dtype, int count, string expected)
        => Assert.Contains($"{Weight}{part} {expected}", Open(part, With(Weight + part, dtype, new byte[count * dtype.Size()])));

    [Theory]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("{", "not valid JSON")]
    [InlineData("""{"quant_type":"fp4","blocksize":64,"shape":[5,30]}""", "quant_type is not nf4")]
    [InlineData("""{"quant_type":"\ud800","blocksize":64,"shape":[5,30]}""", "not valid JSON")]
    [InlineData("""{"quant_type":"nf4","shape":[5,30]}""", "blocksize is missing, expected an integer")]
    [InlineData("""{"quant_type":"nf4","blocksize":"64","shape":[5,30]}""", "blocksize is missing, expected an integer")]
    [InlineData("""{"quant_type":"nf4","blocksize":0,"shape":[5,30]}""", "blocksize is 0, expected a power of two")]
    [InlineData("""{"quant_type":"nf4","blocksize":48,"shape":[5,30]}""", "blocksize is 48, expected a power of two")]
    [InlineData("""{"quant_type":"nf4","blocksize":-2147483648,"shape":[5,30]}""", "blocksize is -2147483648, expected a power of two")]
    [InlineData("""{"quant_type":"nf4","blocksize":64}""", "shape is missing, expected [out, in]")]
    [InlineData("""{"quant_type":"nf4","blocksize":64,"shape":["5",30]}""", "shape is [\"5\",30], expected [out, in]")]
    [InlineData("""{"quant_type":"nf4","blocksize":64,"shape":[150]}""", "shape is missing, expected [out, in]")]
    [InlineData("""{"quant_type":"nf4","blocksize":64,"shape":[-5,-30]}""", "shape is [-5,-30], expected [out, in]")]
    [InlineData("""{"quant_type":"nf4","blocksize":2,"shape":[2147483647,2147483647]}""", "has 75 bytes, expected 2305843007066210305")]
    [InlineData("""{"quant_type":"nf4","blocksize":64,"shape":[5,30],"nested_blocksize":0,"nested_offset":0.5}""", "nested_blocksize is 0, expected 1 or more")]
    [InlineData("""{"quant_type":"nf4","blocksize":64,"shape":[5,30],"nested_blocksize":2}""", "nested_offset is missing, expected a number")]
    [InlineData("""{"quant_type":"nf4","blocksize":64,"shape":[5,30],"nested_blocksize":2,"nested_offset":1e999}""", "nested_offset is missing, expected a number")]
    public void A_description_that_does_not_fit_is_refused(string state, string expected) => Assert.Contains(expected, Open(state, With(StateName, DType.UInt8, Encoding.UTF8.GetBytes(state))));

    [Fact]
    public void A_code_book_of_its_own_is_refused()
    {
        var codebook = Codebook.Nf4.Values.ToArray();
        codebook[3] = float.NaN;
        Assert.Contains($"{Weight}.quant_map[3] is NaN", Open("codebook", With(Weight + ".quant_map", DType.Float32, MemoryMarshal.AsBytes<float>(codebook).ToArray())));
    }

    [Fact]
    public void Parts_that_the_description_does_not_speak_of_are_refused()
    {
        var plain = DoubleQuantized().Where(entry => !entry.Name.Contains("nested", StringComparison.Ordinal)).Where(entry => entry.Name != StateName && entry.Name != Weight + ".absmax")
            .Append(Entry(StateName, DType.UInt8, Encoding.UTF8.GetBytes(PlainState))).Append(Entry(Weight + ".absmax", DType.Float32, new byte[12])).ToList();
        Assert.Null(Open("plain", plain));
        var nested = DoubleQuantized().Single(entry => entry.Name == Weight + ".nested_absmax");
        Assert.Contains($"{Weight}.nested_absmax has no place in a weight that nf4 describes as not double-quantised", Open("nested", plain.Append(nested)));
        var second = Entry(Weight + ".quant_state.bitsandbytes__fp4", DType.UInt8, "{}"u8.ToArray());
        Assert.Contains("bitsandbytes__fp4 has no place in a weight that nf4 describes", Open("two", plain.Append(second)));
        var endless = Entry(StateName, DType.UInt8, new byte[100_000]);
        Assert.Contains("has 100000 bytes, expected a short JSON text", Open("endless", plain.Where(entry => entry.Name != StateName).Append(endless)));
    }

    private static IEnumerable<SafetensorsEntry> DoubleQuantized() =>
    [
        Entry(Weight, DType.UInt8, new byte[75]),
        Entry(Weight + ".absmax", DType.UInt8, [0, 1, 2]),
        Entry(Weight + ".quant_map", DType.Float32, MemoryMarshal.AsBytes(Codebook.Nf4.Values).ToArray()),
        Entry(Weight + ".nested_absmax", DType.Float32, MemoryMarshal.AsBytes<float>([1f, 2f]).ToArray()),
        Entry(Weight + ".nested_quant_map", DType.Float32, MemoryMarshal.AsBytes(DynamicMap.Signed.Values).ToArray()),
        Entry(StateName, DType.UInt8, Encoding.UTF8.GetBytes(State)),
    ];

    private static IEnumerable<SafetensorsEntry> With(string name, DType dtype, byte[] bytes) => DoubleQuantized().Where(entry => entry.Name != name).Append(Entry(name, dtype, bytes));

    private static SafetensorsEntry Entry(string name, DType dtype, byte[] bytes) => new(name, dtype, new Shape(bytes.Length / dtype.Size()), stream => stream.Write(bytes));

    private string? Open(string what, IEnumerable<SafetensorsEntry> entries)
    {
        SafetensorsWriter.Write(_folder["model.safetensors"], entries);
        return Open(what);
    }

    private string? Open(string what) => Damage.ReadOrRefuse(what, _folder.Path, path =>
    {
        using var checkpoint = SafetensorsCheckpoint.Open(path);
        foreach (var info in checkpoint.Weights.Values.Where(info => info.IsQuantized)) checkpoint.ReadQuantized(info.Name, _backend).Dispose();
    });
}
