using System.Text.Json.Nodes;
using QLora.Autograd;
using QLora.Backends;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Six steps at once, three and three, and six with a stop in between are the same run, bit for bit, with dropout and shuffling on.</summary>
public class ResumeTests
{
    private static readonly TrainingOptions Options = new()
    {
        BatchSize = 2, GradientAccumulationSteps = 2, MaxSteps = 6, LearningRate = 0.01, WarmupSteps = 2, WeightDecay = 0.01, SaveSteps = 3, Seed = 7,
    };

    public static TheoryData<string, string, DType> Cases()
    {
        var data = new TheoryData<string, string, DType>();
        foreach (var backend in TestBackends.Names)
        {
            foreach (var dtype in new[] { DType.Float32, DType.BFloat16 })
            {
                data.Add(backend, "lora", dtype);
                data.Add(backend, "full", dtype);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AResumedRunContinuesBitForBit(string backendName, string method, DType dtype) => ContinuesBitForBit(backendName, method, dtype, Options);

    /// <summary>Some of the tensors have moments of 8 bits, and some are too small.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void AResumedRunWith8BitMomentsContinuesBitForBit(string backendName, string method, DType dtype) => ContinuesBitForBit(
        backendName, method, dtype, Options with { Optimizer = OptimizerKind.AdamW8Bit, Min8BitSize = 130 });

    private static void ContinuesBitForBit(string backendName, string method, DType dtype, TrainingOptions options)
    {
        using var backend = TestBackends.Create(backendName);
        using var folder = new TemporaryFolder();
        var (losses, bits) = Run(backend, method, folder["whole"], options, dtype);

        using var model = Create(backend, method, dtype);
        using (var first = new Trainer(model, TinyModel.Data(), options) { OutputFolder = folder["parts"] })
        {
            using var stop = new CancellationTokenSource();
            var seen = new StepList(step => { if (step.Step == 4) stop.Cancel(); });
            Assert.Throws<OperationCanceledException>(() => first.Run(seen, stop.Token));
            Assert.Equal(losses[..4], seen.Steps.Select(step => step.Loss));
        }

        var (rest, end) = Run(backend, method, folder["parts"], options, dtype, resume: folder["parts/checkpoint-3"]);
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

    [Theory]
    [MemberData(nameof(Cases))]
    public void RecomputationChangesNoBit(string backendName, string method, DType dtype)
    {
        using var backend = TestBackends.Create(backendName);
        using var folder = new TemporaryFolder();
        Assert.Equal(
            Run(backend, method, folder["a"], Options with { GradientCheckpointing = GradientCheckpointing.Recompute }, dtype).Bits,
            Run(backend, method, folder["b"], Options with { GradientCheckpointing = GradientCheckpointing.None }, dtype).Bits);
    }

    [Fact]
    public void ARunInAnotherTypeIsAnotherRun()
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        Run(backend, "lora", folder["whole"], Options, DType.BFloat16);
        var error = Assert.Throws<QLoraException>(() => Run(backend, "lora", folder["other"], Options, DType.Float32, resume: folder["whole/checkpoint-3"]));
        Assert.Contains("--compute-dtype is float32 and was bfloat16", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--compute-dtype", "--compute-dtype is bfloat16 and was float32")]
    [InlineData("--optimizer", "--optimizer is adamw8bit from 4096 elements on and was adamw")]
    public void ACheckpointThatIsOlderThanAChoiceIsOfTheDefault(string setting, string expected)
    {
        using var backend = TestBackends.Create("reference");
        using var folder = new TemporaryFolder();
        var (_, bits) = Run(backend, "lora", folder["whole"], Options);
        var state = folder["whole/checkpoint-3/trainer_state.json"];
        var json = JsonNode.Parse(File.ReadAllText(state))!;
        Assert.True(json["settings"]!.AsObject().Remove(setting));
        File.WriteAllText(state, json.ToJsonString());
        Assert.Equal(bits, Run(backend, "lora", folder["same"], Options, DType.Float32, resume: folder["whole/checkpoint-3"]).Bits);
        var (options, dtype) = setting == "--optimizer" ? (Options with { Optimizer = OptimizerKind.AdamW8Bit }, DType.Float32) : (Options, DType.BFloat16);
        var error = Assert.Throws<QLoraException>(() => Run(backend, "lora", folder["other"], options, dtype, resume: folder["whole/checkpoint-3"]));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
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

    private static (List<double> Losses, int[] Bits) Run(Backend backend, string method, string output, TrainingOptions options, DType dtype = DType.Float32, string? resume = null)
    {
        using var model = Create(backend, method, dtype);
        using var trainer = new Trainer(model, TinyModel.Data(), options) { OutputFolder = output };
        if (resume is not null) trainer.Resume(resume);
        var seen = new StepList();
        trainer.Run(seen, TestContext.Current.CancellationToken);
        return ([.. seen.Steps.Select(step => step.Loss)], TinyModel.Bits(model));
    }

    private static CausalLanguageModel Create(Backend backend, string method, DType dtype)
    {
        var model = method == "lora" ? TinyModel.WithAdapter(backend) : TinyModel.Create(backend);
        model.ComputeDType = dtype;
        if (method == "full") model.TrainAllWeights();
        return model;
    }
}
