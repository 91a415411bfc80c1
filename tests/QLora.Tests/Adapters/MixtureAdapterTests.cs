using QLora.Adapters;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Tests.Adapters;

/// <summary>Adapters on the experts of a mixture, in 4 bits: every expert has a branch of its own, and its gradient is that of the loss.</summary>
public class MixtureAdapterTests
{
    private static readonly int[] Ids = [3, 17, 90, 41, 5, 66, 120, 8];

    public static TheoryData<string, string[]> Models => new() { { "mixtral", ["w1", "w2", "w3"] }, { "qwen3_moe", ["gate_proj", "up_proj", "down_proj"] } };

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_expert_has_its_branches(string name, string[] targets)
    {
        using var backend = TestBackends.Create("cpu-512");
        using var model = Load(name, backend);
        var config = new LoraConfig { Rank = 4, TargetModules = TargetModules.Names(targets) };
        var adapter = model.Adapters.AddNew(config);
        const int Layers = 2, Experts = 4;
        Assert.Equal(Layers * Experts * targets.Length, adapter.Branches.Count());
        Assert.Equal(Layers * Experts * targets.Length, ParameterCountOf(model, config) / (4L * (64 + (name == "mixtral" ? 112 : 48))));
        Assert.DoesNotContain(adapter.Branches, entry => entry.Layer.Path.EndsWith(".gate", StringComparison.Ordinal)); // routers have none
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Gradients_are_those_of_the_loss_with_and_without_recomputation(string name, string[] targets)
    {
        using var backend = TestBackends.Create("cpu-512");
        using var model = Load(name, backend);
        var adapter = model.Adapters.AddNew(new LoraConfig { Rank = 4, Alpha = 8, TargetModules = TargetModules.Names([.. targets, "q_proj"]) });
        foreach (var parameter in adapter.Parameters) Randomise(parameter);
        model.Adapters.Train();
        Loss(model, new ForwardOptions(Record: true));
        var gradients = adapter.Parameters.Select(Gradient).ToList();
        Assert.Contains(gradients, gradient => gradient.All(value => value == 0)); // experts that no token chose
        foreach (var parameter in adapter.Parameters) backend.Clear(parameter.Gradient!.Value);
        Loss(model, new ForwardOptions(Record: true, GradientCheckpointing.Recompute));
        Assert.Equal(gradients, adapter.Parameters.Select(Gradient));

        foreach (var (parameter, gradient) in adapter.Parameters.Zip(gradients).Where(pair => pair.Second.Any(value => Math.Abs(value) > 1e-3)).Where((_, i) => i % 5 == 0))
        {
            var largest = Array.FindIndex(gradient, value => Math.Abs(value) == gradient.Max(Math.Abs));
            const float Step = 5e-3f;
            var above = With(parameter, largest, Step, () => Loss(model, default));
            var below = With(parameter, largest, -Step, () => Loss(model, default));
            Assert.Equal((above - below) / (2 * Step), gradient[largest], 0.02 * Math.Abs(gradient[largest]) + 1e-4); // the losses are in single precision
        }
    }

    private static CausalLanguageModel Load(string name, QLora.Backends.Backend backend)
    {
        using var file = ModelFile.Open(TestData.Golden($"models/{name}"));
        return file.Load(backend);
    }

    private static long ParameterCountOf(CausalLanguageModel model, LoraConfig config) => ParameterCount.Of([.. model.Modules.Select(module => module.Spec)], config).Trainable;

    private static double Loss(CausalLanguageModel model, ForwardOptions options)
    {
        using var context = new ForwardContext(model, TokenBatch.Create([(Ids, Ids)]), options);
        var loss = context.CrossEntropySum(model.Forward(context), model.LmHead);
        if (options.Record) context.Backward();
        return loss;
    }

    private static double With(Parameter parameter, int index, float change, Func<double> loss)
    {
        var values = parameter.Value.Span<float>();
        values[index] += change;
        var result = loss();
        parameter.Value.Span<float>()[index] -= change;
        return result;
    }

    private static float[] Gradient(Parameter parameter) => parameter.Gradient!.Value.Span<float>().ToArray();

    private static void Randomise(Parameter parameter)
    {
        var random = new Random(parameter.Name.Length);
        foreach (ref var value in parameter.Value.Span<float>()) value = (float)(random.NextDouble() - 0.5) * 0.3f;
    }
}
