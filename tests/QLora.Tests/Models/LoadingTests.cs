using System.Text;
using QLora.Backends.Reference;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Tests.Models;

/// <summary>Folders that are no model, or not the one that their config describes.</summary>
public sealed class LoadingTests : IDisposable
{
    private const string Norm = "model.layers.1.input_layernorm.weight", Query = "model.layers.0.self_attn.q_proj.weight";
    private static readonly string Source = TestData.Golden("models/llama");
    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceBackend _backend = new();

    public LoadingTests()
    {
        foreach (var name in new[] { "config.json", "model.safetensors" }) File.Copy(Path.Combine(Source, name), _folder[name]);
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void The_folder_is_sound()
    {
        using var file = ModelFile.Open(_folder.Path);
        using var model = file.Load(_backend);
        Assert.Equal(file.Modules.Select(module => module.Path), model.Modules.Select(module => module.Path));
    }

    [Fact]
    public void A_missing_tensor_is_named_with_its_shape()
    {
        Rewrite(entries => entries.Where(entry => entry.Name != Norm));
        Assert.Equal($"{_folder.Path}: tensor {Norm} [64] is missing", Refused());
    }

    [Theory]
    [InlineData(Norm, new[] { 63 }, "[63], expected [64]")]
    [InlineData(Norm, new[] { 1, 64 }, "[1, 64], expected [64]")]
    [InlineData(Query, new[] { 64, 63 }, "[64, 63], expected [64, 64]")]
    [InlineData(Query, new[] { 4096 }, "[4096], expected [64, 64]")]
    [InlineData("model.embed_tokens.weight", new[] { 129, 64 }, "[129, 64], expected [128, 64]")]
    public void A_misshapen_tensor_is_named_with_both_shapes(string name, int[] extents, string expected)
    {
        Rewrite(entries => entries.Select(entry => entry.Name == name ? Zeros(name, DType.Float32, extents) : entry));
        Assert.Equal($"{_folder.Path}: tensor {name} has shape {expected} from the config", Refused());
    }

    [Fact]
    public void Extra_tensors_are_named_but_for_tables_that_are_computed()
    {
        Rewrite(entries => entries.Append(Zeros("model.layers.0.self_attn.rotary_emb.inv_freq", DType.Float32, 8)));
        ModelFile.Open(_folder.Path).Load(_backend).Dispose();
        Rewrite(entries => entries.Append(Zeros("model.layers.2.mlp.up_proj.weight", DType.Float32, 112, 64)).Append(Zeros("z", DType.Int64, 3)));
        Assert.Equal($"{_folder.Path}: 2 tensors that the model does not have: model.layers.2.mlp.up_proj.weight [112, 64], z [3]", Refused());
    }

    [Theory]
    [InlineData(Query, DType.UInt8, 64, 64)]
    [InlineData(Norm, DType.Int32, 64)]
    [InlineData("model.embed_tokens.weight", DType.Int64, 128, 64)]
    public void A_tensor_of_another_element_type_is_named(string name, DType dtype, params int[] extents)
    {
        Rewrite(entries => entries.Select(entry => entry.Name == name ? Zeros(name, dtype, extents) : entry));
        Assert.Contains($"tensor {name} is ", Refused());
        Assert.EndsWith("expected F32, BF16 or F16", Refused());
    }

    [Fact]
    public void A_norm_in_4_bits_is_refused()
    {
        var state = Encoding.UTF8.GetBytes("""{"quant_type":"nf4","blocksize":64,"shape":[64,1]}""");
        Rewrite(entries => entries.Where(entry => entry.Name != Norm)
            .Append(Zeros(Norm, DType.UInt8, 32)).Append(Zeros(Norm + ".absmax", DType.Float32, 1)).Append(Zeros(Norm + ".quant_map", DType.Float32, 16))
            .Append(new SafetensorsEntry(Norm + ".quant_state.bitsandbytes__nf4", DType.UInt8, new Shape(state.Length), stream => stream.Write(state))));
        Assert.Equal($"{_folder.Path}: tensor {Norm} has shape [64, 1], expected [64] from the config", Refused());
    }

    [Fact]
    public void A_code_book_that_is_found_broken_while_loading_leaves_no_memory_behind()
    {
        foreach (var name in new[] { "config.json", "model.safetensors" }) File.Copy(TestData.Golden($"models/llama_bnb_nf4_dq_float32/{name}"), _folder[name], overwrite: true);
        Rewrite(entries => entries.Select(entry => entry.Name == "model.layers.1.mlp.down_proj.weight.quant_map" ? Zeros(entry.Name, DType.Float32, 16) : entry));
        Assert.Contains("model.layers.1.mlp.down_proj.weight.quant_map[0] is 0, expected -1 of Nf4", Refused());
    }

    [Fact]
    public void Every_flip_in_the_config_is_loaded_or_refused()
    {
        var sound = File.ReadAllBytes(_folder["config.json"]);
        foreach (var (what, bytes) in Damage.Flips(sound, sound.Length).Where((_, i) => i % 11 == 0).Concat(Damage.Prefixes(sound))) // every eleventh damage is enough here
        {
            File.WriteAllBytes(_folder["config.json"], bytes);
            Damage.ReadOrRefuse(what, _folder.Path, path =>
            {
                using var file = ModelFile.Open(path);
                file.Load(_backend, QuantizationOptions.None).Dispose();
            });
            Assert.Equal(0, _backend.Memory.InUse);
        }
    }

    [Theory]
    [InlineData("""{"model_type":"mamba"}""", "config.json: model_type 'mamba' is not known; there are ")]
    [InlineData("""{"hidden_size":64}""", "config.json: field 'model_type' is missing, expected a string")]
    [InlineData("""{"model_type":null}""", "config.json: field 'model_type' is missing, expected a string")]
    [InlineData("""{"model_type":["llama"]}""", "config.json: field 'model_type' is [\"llama\"], expected a string")]
    [InlineData("""{"model_type":"\ud800"}""", "config.json: not valid JSON")]
    [InlineData("""["llama"]""", "config.json: expected a JSON object, found Array")]
    [InlineData("", "config.json: not valid JSON")]
    public void A_config_of_no_known_model_is_refused(string config, string expected)
    {
        File.WriteAllText(_folder["config.json"], config);
        Assert.StartsWith(_folder[expected], Refused());
    }

    [Fact]
    public void The_known_models_are_listed()
    {
        File.WriteAllText(_folder["config.json"], """{"model_type":"mamba"}""");
        Assert.EndsWith("there are " + string.Join(", ", ModelRegistry.ModelTypes), Refused());
        Assert.Contains("llama", ModelRegistry.ModelTypes);
    }

    [Fact]
    public void Folders_that_are_no_model_say_what_is_missing()
    {
        File.Delete(_folder["model.safetensors"]);
        Assert.Equal($"{_folder.Path}: there are no weights beside config.json; expected model.safetensors or model.safetensors.index.json", Refused());
        using (var file = ModelFile.Open(_folder.Path)) Assert.NotEmpty(file.Modules); // which can be counted all the same
        File.Delete(_folder["config.json"]);
        Assert.Equal($"{_folder.Path}: there is no config.json in this folder; expected a model's folder or a .gguf file", Refused());
        Assert.Equal($"{_folder["none"]}: there is no such model; expected a folder with config.json or a .gguf file", Assert.Throws<QLoraException>(() => ModelFile.Open(_folder["none"])).Message);
        File.WriteAllText(_folder["notes.txt"], "no model");
        Assert.Equal($"{_folder["notes.txt"]}: this is no GGUF file; it should begin with 'GGUF'", Assert.Throws<QLoraException>(() => ModelFile.Open(_folder["notes.txt"])).Message);
    }

    private string Refused()
    {
        var message = Assert.Throws<QLoraException>(() =>
        {
            using var file = ModelFile.Open(_folder.Path);
            file.Load(_backend).Dispose();
        }).Message;
        Assert.Equal(0, _backend.Memory.InUse);
        return message;
    }

    private static SafetensorsEntry Zeros(string name, DType dtype, params int[] extents)
    {
        var shape = new Shape(extents);
        return new SafetensorsEntry(name, dtype, shape, stream => stream.Write(new byte[shape.Count * dtype.Size()]));
    }

    /// <summary>Writes the weights again, with some of them changed.</summary>
    private void Rewrite(Func<IEnumerable<SafetensorsEntry>, IEnumerable<SafetensorsEntry>> change)
    {
        var path = _folder["model.safetensors"];
        using var file = SafetensorsFile.Open(path);
        SafetensorsWriter.Write(path, change([.. file.Tensors.Values.Select(info => new SafetensorsEntry(
            info.Name, info.DType == "U8" ? DType.UInt8 : DType.Float32, info.Shape, stream => stream.Write(file.ReadRaw(info.Name))))]));
    }
}
