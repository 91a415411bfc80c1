using System.Text;
using QLora.Checkpoints;

namespace QLora.Tests.Checkpoints;

/// <summary>Folders of shards with an index: what it says and what the shards hold must be the same.</summary>
public sealed class ShardedCheckpointTests : IDisposable
{
    private const string First = "model-00001-of-00002.safetensors", Second = "model-00002-of-00002.safetensors";
    private const string Index = $$$"""{"metadata":{"total_size":24},"weight_map":{"a.weight":"{{{First}}}","b.weight":"{{{Second}}}","c.weight":"{{{Second}}}"}}""";
    private readonly TemporaryFolder _folder = new();

    public ShardedCheckpointTests()
    {
        Write(First, SafetensorsBytes.Of("""{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));
        Write(Second, SafetensorsBytes.Of("""{"b.weight":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},"c.weight":{"dtype":"F16","shape":[4],"data_offsets":[8,16]}}""", 16));
        WriteIndex(Index);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Weights_of_all_shards_are_found()
    {
        using var checkpoint = SafetensorsCheckpoint.Open(_folder.Path);
        Assert.Equal(["F32 [2]", "BF16 [2, 2]", "F16 [4]"], new[] { "a", "b", "c" }.Select(name => checkpoint.Weights[name + ".weight"]).Select(info => $"{info.Format} {info.Shape}"));
    }

    [Fact]
    public void A_single_file_goes_before_shards()
    {
        Write("model.safetensors", SafetensorsBytes.Of("""{"single":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8));
        using var checkpoint = SafetensorsCheckpoint.Open(_folder.Path);
        Assert.Equal("single", Assert.Single(checkpoint.Weights).Key);
    }

    [Fact]
    public void Damage_to_the_index_is_read_or_refused()
    {
        var sound = Encoding.UTF8.GetBytes(Index);
        foreach (var (what, bytes) in Damage.Prefixes(sound)) Assert.NotNull(OpenWith(what, bytes));
        foreach (var (what, bytes) in Damage.Flips(sound, sound.Length)) OpenWith(what, bytes);
    }

    [Theory]
    [InlineData("""[]""", "weight_map is missing")]
    [InlineData("""{"weight_map":[]}""", "weight_map is missing")]
    [InlineData("""{"weight_map":{"a.weight":1}}""", "weight_map of a.weight is Number")]
    [InlineData("""{"weight_map":{"\udfff":"x"}}""", "not valid JSON")]
    [InlineData("""{"weight_map":{"a.weight":"\ud800"}}""", "not valid JSON")]
    [InlineData($$$"""{"weight_map":{"a.weight":"{{{First}}}","a.weight":"{{{First}}}"}}""", "tensor a.weight stands twice in weight_map")]
    [InlineData($$$"""{"weight_map":{"a.weight":"{{{First}}}","z.weight":"{{{Second}}}"}}""", $"tensor z.weight is said to be in {Second}, but is not")]
    [InlineData($$$"""{"weight_map":{"a.weight":"{{{First}}}","b.weight":"{{{Second}}}"}}""", "tensor c.weight is not in model.safetensors.index.json")]
    [InlineData("""{"weight_map":{"a.weight":"model-00003-of-00002.safetensors"}}""", "model-00003-of-00002.safetensors: there is no such file")]
    [InlineData("""{"weight_map":{"a.weight":"../x.safetensors"}}""", "shard '../x.safetensors' of a.weight is no file name")]
    [InlineData("""{"weight_map":{"a.weight":"/etc/passwd"}}""", "shard '/etc/passwd' of a.weight is no file name")]
    [InlineData("""{"weight_map":{"a.weight":"..\\x"}}""", "shard '..\\x' of a.weight is no file name")]
    [InlineData("""{"weight_map":{"a.weight":".."}}""", "shard '..' of a.weight is no file name")]
    [InlineData("""{"weight_map":{"a.weight":""}}""", "shard '' of a.weight is no file name")]
    [InlineData("""{"weight_map":{"a.weight":"a\u0000b"}}""", "of a.weight is no file name")]
    public void An_index_that_does_not_fit_is_refused(string index, string expected) => Assert.Contains(expected, OpenWith(index, Encoding.UTF8.GetBytes(index)));

    [Fact]
    public void A_tensor_in_two_shards_is_refused()
    {
        Write(First, SafetensorsBytes.Of("""{"a.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"c.weight":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}""", 16));
        Assert.Contains($"{First}: tensor c.weight stands in {Second} too", OpenWith("twice", Encoding.UTF8.GetBytes(Index)));
    }

    [Fact]
    public void A_damaged_shard_is_named()
    {
        Write(Second, File.ReadAllBytes(_folder[Second])[..^1]);
        Assert.Contains(_folder[Second], OpenWith("cut", Encoding.UTF8.GetBytes(Index)));
    }

    [Fact]
    public void A_folder_without_weights_is_refused()
    {
        File.Delete(_folder["model.safetensors.index.json"]);
        Assert.False(SafetensorsCheckpoint.Exists(_folder.Path));
        Assert.EndsWith("there are no weights here; expected model.safetensors or model.safetensors.index.json", Assert.Throws<QLoraException>(() => SafetensorsCheckpoint.Open(_folder.Path)).Message);
    }

    private string? OpenWith(string what, byte[] index)
    {
        Write("model.safetensors.index.json", index);
        return Damage.ReadOrRefuse(what, _folder.Path, path =>
        {
            using var checkpoint = SafetensorsCheckpoint.Open(path);
            foreach (var info in checkpoint.Weights.Values) checkpoint.Read(info.Name, 0, new float[info.Shape.Count]);
        });
    }

    private void WriteIndex(string text) => Write("model.safetensors.index.json", Encoding.UTF8.GetBytes(text));

    private void Write(string name, byte[] bytes) => File.WriteAllBytes(_folder[name], bytes);
}
