using QLora.Backends;
using QLora.Models;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Six steps at once, three and three, and six with a stop in between are the same run, bit for bit, with dropout and shuffling on.</summary>
public class ResumeTests
{
    private static readonly TrainingOptions Options = new()
    {
        BatchSize = 2, GradientAccumulationSteps = 2, MaxSteps = 6, LearningRate = 0.01, WarmupSteps = 2, WeightDecay = 0.01, SaveSteps = 3, Seed = 7,
    };

    public static TheoryData<string, string> Cases()
    {
        var data = new TheoryData<string, string>();
        foreach (var backend in TestBackends.Names)
        {
            data.Add(backend, "lora");
            data.Add(backend, "full");
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AResumedRunContinuesBitForBit(string backendName, string method)
    {
        using var backend = TestBackends.Create(backendName);
        using var folder = new TemporaryFolder();
        var (losses, bits) = Run(backend, method, folder["whole"], Options);

        using var model = Create(backend, method);
        using (var first = new Trainer(model, TinyModel.Data(), Options) { OutputFolder = folder["parts"] })
        {
            using var stop = new CancellationTokenSource();
            var seen = new StepList(step => { if (step.Step == 4) stop.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => first.Run(seen, stop.Token));
            Assert.Equal(losses[..4], seen.Steps.Select(step => step.Loss));
        }

        var (rest, end) = Run(backend, method, folder["parts"], Options, resume: folder["parts/checkpoint-3"]);
        Assert.Equal(losses[3..], rest);
        Assert.Equal(bits, end);
        foreach (var name in method == "lora" ? ["adapter_model.safetensors", "adapter_config.json"] : new[] { "model.safetensors", "config.json" })
        {
            Assert.Equal(File.ReadAllBytes(folder[$"whole/{name}"]), File.ReadAllBytes(folder[$"parts/{name}"]));
        }

        Assert.Equal([1, 2, 3, 4, 5, 6], MetricsTests.Read(folder["parts/metrics.jsonl"]).Select(line => line["step"]!.GetValue<int>()));
    }

    [Fact]
    public void ARunThatWasStoppedGoesOnWhenItIsCalledAgain()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        var (losses, bits) = Run(backend, "lora", folder["whole"], Options);

        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), Options) { OutputFolder = folder["stopped"] };
        using var stop = new CancellationTokenSource();
        var seen = new StepList(step => { if (step.Step == 2) stop.Cancel(); });
        Assert.Throws<OperationCanceledException>(() => trainer.Run(seen, stop.Token));
        Assert.Equal(2, trainer.StepsDone);
        trainer.Run(seen, TestContext.Current.CancellationToken);
        Assert.Equal(losses, seen.Steps.Select(step => step.Loss));
        Assert.Equal(bits, TinyModel.Bits(model));
    }

    [Fact]
    public void RecomputationChangesNoBit()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        Assert.Equal(
            Run(backend, "lora", folder["a"], Options with { GradientCheckpointing = true }).Bits,
            Run(backend, "lora", folder["b"], Options with { GradientCheckpointing = false }).Bits);
    }

    [Fact]
    public void ACompletedRunMayBeResumedAndHasNothingLeftToDo()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        var (losses, bits) = Run(backend, "lora", folder["whole"], Options);
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), Options) { EvaluationData = TinyModel.Data(3, seed: 9) };
        trainer.Resume(folder["whole/checkpoint-6"]);
        var report = trainer.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((6, losses[^1]), (report.Steps, report.Loss));
        Assert.NotNull(report.EvaluationLoss);
        Assert.Equal(bits, TinyModel.Bits(model));
    }

    private static (List<double> Losses, int[] Bits) Run(Backend backend, string method, string output, TrainingOptions options, string? resume = null)
    {
        using var model = Create(backend, method);
        using var trainer = new Trainer(model, TinyModel.Data(), options) { OutputFolder = output };
        if (resume is not null) trainer.Resume(resume);
        var seen = new StepList();
        trainer.Run(seen, TestContext.Current.CancellationToken);
        return ([.. seen.Steps.Select(step => step.Loss)], TinyModel.Bits(model));
    }

    private static CausalLanguageModel Create(Backend backend, string method)
    {
        if (method == "lora") return TinyModel.WithAdapter(backend);
        var model = TinyModel.Create(backend);
        model.TrainAllWeights();
        return model;
    }
}
