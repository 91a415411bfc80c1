using QLora.Adapters;
using QLora.Backends.Reference;
using QLora.Layers;
using QLora.Models;
using QLora.Models.Llama;

namespace QLora.Tests.Models;

/// <summary>Typed targets put branches where PEFT's names put them.</summary>
public class TypedTargetTests
{
    public static TheoryData<LlamaTargets, string> Targets => new()
    {
        { LlamaTargets.Query | LlamaTargets.Value, "q_proj,v_proj" },
        { LlamaTargets.Gate | LlamaTargets.Up | LlamaTargets.Down, "gate_proj,up_proj,down_proj" },
        { LlamaTargets.Key | LlamaTargets.Output | LlamaTargets.LmHead, "k_proj,o_proj,lm_head" },
        { LlamaTargets.AllLinear, "all-linear" },
    };

    [Theory]
    [MemberData(nameof(Targets))]
    public void Injection_is_as_by_name(LlamaTargets targets, string names)
    {
        using var backend = new ReferenceBackend();
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        using var model = file.Load(backend, QuantizationOptions.None);
        var typed = Injected(model, targets.ToTargetModules());
        var named = Injected(model, TargetModules.Parse(names));
        Assert.NotEmpty(typed);
        Assert.Equal(named.Select(entry => (entry.Layer, entry.Parameter)), typed.Select(entry => (entry.Layer, entry.Parameter)));
        Assert.All(named.Zip(typed), pair => Assert.Equal(pair.First.Values, pair.Second.Values));
    }

    /// <summary>The layers that an adapter touches, with the bits of what it begins with.</summary>
    private static List<(string Layer, string Parameter, float[] Values)> Injected(CausalLanguageModel model, TargetModules targets)
    {
        var adapter = model.Adapters.AddNew(new LoraConfig { Rank = 4, TargetModules = targets }, seed: 7);
        var branches = adapter.Branches.ToDictionary(entry => entry.Layer, entry => entry.Branch);
        Assert.All(model.Modules.OfType<Linear>(), layer => Assert.Equal(branches.GetValueOrDefault(layer), layer.ActiveBranch));
        var injected = branches.SelectMany(entry => new[] { entry.Value.A, entry.Value.B }.Select(parameter => (entry.Key.Path, parameter.Name, parameter.Value.Span<float>().ToArray()))).ToList();
        model.Adapters.Remove(adapter.Name);
        return injected;
    }
}
