using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Backends;
using QLora.Models;
using QLora.Tests.Training;

namespace QLora.Tests.Adapters;

/// <summary>Adapters on disk: what is saved comes back bit for bit, and what does not belong to the model is refused.</summary>
public class AdapterFileTests
{
    [Fact]
    public void WhatIsSavedComesBackBitForBit()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using var model = TinyModel.Create(backend);
        var config = new LoraConfig { Rank = 3, Alpha = 4.5f, Dropout = 0.25f, UseRsLora = true, TargetModules = TargetModules.Names(["q_proj", "mlp.down_proj"]) };
        var saved = model.Adapters.AddNew(config, seed: 5, name: "first");
        Randomize(saved, backend);
        saved.Save(folder.Path, "org/base-model");

        var loaded = model.Adapters.Load(folder.Path, "second");
        Assert.Equal(saved.Parameters.Select(parameter => parameter.Name), loaded.Parameters.Select(parameter => parameter.Name));
        foreach (var (one, other) in saved.Parameters.Zip(loaded.Parameters)) Assert.Equal(Bits(backend, one.Value), Bits(backend, other.Value));
        Assert.Equal(config with { TargetModules = loaded.Config.TargetModules }, loaded.Config);
        Assert.Equal(config.TargetModules.NameList, loaded.Config.TargetModules.NameList);
        Assert.Equal(config.Scaling, loaded.Branches.First().Branch.Scaling);
    }

    [Theory]
    [InlineData("all-linear"), InlineData("q_proj,v_proj"), InlineData(@".*\.layers\.1\.self_attn\.(q|k)_proj")]
    public void TheConfigIsWhatPeftNeeds(string targets)
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using var model = TinyModel.Create(backend);
        var adapter = model.Adapters.AddNew(new LoraConfig { Rank = 8, Alpha = 16, TargetModules = TargetModules.Parse(targets) });
        adapter.Save(folder.Path, "org/base-model");
        var json = JsonNode.Parse(File.ReadAllText(folder["adapter_config.json"]))!.AsObject();
        Assert.Equal(("LORA", "CAUSAL_LM"), (json["peft_type"]!.GetValue<string>(), json["task_type"]!.GetValue<string>()));
        Assert.Equal("org/base-model", json["base_model_name_or_path"]!.GetValue<string>());
        Assert.Equal((8, 16, 0.0), (json["r"]!.GetValue<int>(), json["lora_alpha"]!.GetValue<int>(), json["lora_dropout"]!.GetValue<double>()));
        Assert.Equal(targets.Contains(',') ? "[\"q_proj\",\"v_proj\"]" : $"\"{targets.Replace(@"\", @"\\")}\"", json["target_modules"]!.ToJsonString());
        foreach (var required in new[] { "bias", "fan_in_fan_out", "inference_mode", "init_lora_weights", "modules_to_save", "use_rslora", "use_dora" })
        {
            Assert.True(json.ContainsKey(required), required);
        }

        Assert.Equal(adapter.Branches.Count(), model.Adapters.Load(folder.Path, "again").Branches.Count());
    }

    [Fact]
    public void ANewAdapterChangesNothingYetAndFollowsItsSeed()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.Create(backend);
        var one = model.Adapters.AddNew(new LoraConfig { Rank = 4 }, seed: 1, name: "one");
        var same = model.Adapters.AddNew(new LoraConfig { Rank = 4 }, seed: 1, name: "same");
        var other = model.Adapters.AddNew(new LoraConfig { Rank = 4 }, seed: 2, name: "other");
        Assert.All(one.Branches, entry => Assert.All(backend.ToHost(entry.Branch.B.Value), value => Assert.Equal(0, value)));
        foreach (var (layer, branch) in one.Branches)
        {
            var a = backend.ToHost(branch.A.Value);
            var bound = 1 / MathF.Sqrt(layer.Spec.In);
            Assert.InRange(a.Max(), 0.8f * bound, bound);
            Assert.InRange(a.Min(), -bound, -0.8f * bound);
        }

        Assert.Equal(All(one), All(same));
        Assert.NotEqual(All(one), All(other));

        float[] All(LoraAdapter adapter) => [.. adapter.Parameters.SelectMany(parameter => backend.ToHost(parameter.Value))];
    }

    [Fact]
    public void AnAdapterForAnotherModelIsRefusedAndLeavesNothingBehind()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        SaveFor("wide", config => config with { IntermediateSize = 64 });
        SaveFor("deep", config => config with { NumHiddenLayers = 3 });
        SaveFor("shallow", config => config with { NumHiddenLayers = 1 });

        using var model = TinyModel.Create(backend);
        var before = backend.Memory.InUse;
        Refused("wide", "tensor base_model.model.model.layers.0.mlp.gate_proj.lora_B.weight has shape [64, 4], expected [48, 4]; the adapter is broken or for");
        Refused("deep", "14 tensors that target_modules does not name or the model does not have: base_model.model.model.layers.2.mlp.down_proj.lora_A.weight");
        Refused("shallow", "tensor base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight [4, 32] is missing; the adapter is broken or for another model");
        Assert.Equal(before, backend.Memory.InUse);
        Assert.Empty(model.Adapters.Names);

        void SaveFor(string name, Func<QLora.Models.Llama.LlamaConfig, QLora.Models.Llama.LlamaConfig> change)
        {
            using var other = TinyModel.Create(backend, change: change);
            other.Adapters.AddNew(new LoraConfig { Rank = 4 }).Save(folder[name]);
        }

        void Refused(string name, string expected)
        {
            var error = Assert.Throws<QLoraException>(() => model.Adapters.Load(folder[name]));
            Assert.StartsWith(folder[$"{name}/adapter_model.safetensors"] + ": " + expected, error.Message);
        }
    }

    [Theory]
    [InlineData("q_porj", "target module 'q_porj' matches no layer; there are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, lm_head")]
    [InlineData("q_proj,embed_tokens", "target module 'embed_tokens' is no linear layer that can carry an adapter; there are q_proj, k_proj")]
    [InlineData(@".*\.layers\.9\..*", @"the expression '.*\.layers\.9\..*' matches no layer; there are q_proj, k_proj")]
    [InlineData("(q_proj", "target_modules '(q_proj' is not a regular expression")]
    [InlineData(",", "target_modules is empty")]
    public void ATargetThatMatchesNothingIsRefusedWithWhatThereIs(string targets, string expected)
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.Create(backend);
        var error = Assert.Throws<QLoraException>(() => model.Adapters.AddNew(new LoraConfig { TargetModules = TargetModules.Parse(targets) }));
        Assert.StartsWith(expected, error.Message);
        Assert.Empty(model.Adapters.Names);
    }

    [Theory]
    [InlineData("\"r\": 8", "\"r\": 0", "field 'r' is 0, expected an integer from 1 up")]
    [InlineData("\"r\": 8", "\"r\": 2000000000", "rank is 2000000000, expected 1 to 65536")]
    [InlineData("\"lora_alpha\": 16", "\"lora_alpha\": -1", "alpha is -1, expected a number above 0")]
    [InlineData("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "peft_type: 'IA3' is not supported; expected LORA")]
    [InlineData("\"use_dora\": false", "\"use_dora\": true", "use_dora: is set, which is not supported")]
    [InlineData("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"", "init_lora_weights: 'pissa' changed the base's weights")]
    [InlineData("{", "[", "not valid JSON")]
    public void AConfigThatAsksForSomethingElseIsRefused(string from, string to, string expected)
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using var model = TinyModel.Create(backend);
        model.Adapters.AddNew(new LoraConfig { Rank = 8, Alpha = 16 }, name: "first").Save(folder.Path);
        var config = File.ReadAllText(folder["adapter_config.json"]);
        Assert.Contains(from, config);
        File.WriteAllText(folder["adapter_config.json"], config.Replace(from, to));
        var error = Assert.Throws<QLoraException>(() => model.Adapters.Load(folder.Path, "second"));
        Assert.StartsWith(folder["adapter_config.json"], error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Fact]
    public void AFolderWithoutAnAdapterAndANameThatIsTakenAreRefused()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using var model = TinyModel.Create(backend);
        var error = Assert.Throws<QLoraException>(() => model.Adapters.Load(folder.Path));
        Assert.Equal($"{folder.Path}: there is no adapter here; expected adapter_config.json and adapter_model.safetensors", error.Message);
        model.Adapters.AddNew(new LoraConfig());
        Assert.Equal("there is an adapter 'default' already", Assert.Throws<QLoraException>(() => model.Adapters.AddNew(new LoraConfig())).Message);
    }

    [Fact]
    public void AnAdapterThatCannotBeWrittenIsAnErrorWithItsPlace()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        using var model = TinyModel.WithAdapter(backend);
        File.WriteAllText(folder["file"], "");
        var error = Assert.Throws<QLoraException>(() => model.Adapters.Active!.Save(folder["file/adapter"]));
        Assert.StartsWith(folder["file/adapter"] + ": cannot be written: ", error.Message);
        Directory.CreateDirectory(folder["taken/adapter_model.safetensors"]);
        error = Assert.Throws<QLoraException>(() => model.Adapters.Active!.Save(folder["taken"]));
        Assert.StartsWith(folder["taken/adapter_model.safetensors"] + ": cannot be written: ", error.Message);
        Assert.Empty(Directory.GetFiles(folder["taken"]));
    }

    private static void Randomize(LoraAdapter adapter, Backend backend)
    {
        var random = new Random(3);
        foreach (var parameter in adapter.Parameters)
        {
            backend.CopyFromHost<float>([.. Enumerable.Range(0, (int)parameter.Value.Count).Select(_ => (float)(random.NextDouble() - 0.5))], parameter.Value);
        }
    }

    private static int[] Bits(Backend backend, QLora.Tensors.Tensor tensor) => [.. backend.ToHost(tensor).Select(BitConverter.SingleToInt32Bits)];
}
