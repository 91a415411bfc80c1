using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;
using QLora.Testing;
using QLora.Tests.Models;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>
/// Whole recorded training runs of PEFT: every loss within 1e-3, gradient norms within 1 %, the final adapter within 1 %, on every backend, with and without recomputation.
/// </summary>
public class GoldenRunTests
{
    public static TheoryData<string, string, GradientCheckpointing> Runs()
    {
        var data = new TheoryData<string, string, GradientCheckpointing>();
        foreach (var run in new[] { "lora_fp32", "qlora_nf4_dq", "qlora_fp4", "rslora", "adamw8bit" })
        {
            foreach (var backend in TestBackends.Names)
            {
                data.Add(run, backend, GradientCheckpointing.None);
                data.Add(run, backend, GradientCheckpointing.Recompute);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Runs))]
    public void LossesNormsAndTheFinalAdapterAreThoseRecorded(string name, string backendName, GradientCheckpointing checkpointing)
    {
        using var backend = TestBackends.Create(backendName);
        IsAsRecorded(name, backend, checkpointing);
    }

    /// <summary>In bfloat16 a loss is off by the rounding of activations, and a norm by that of gradients that add up over
    /// the steps before as well: within 2 % and 5 %.</summary>
    [Theory]
    [InlineData("lora_fp32"), InlineData("qlora_nf4_dq"), InlineData("rslora"), InlineData("adamw8bit")]
    public void RunsInBFloat16StayNearThoseRecorded(string name)
    {
        using var backend = TestBackends.Create(TestBackends.BFloat16Names.Last());
        IsNearInBFloat16(name, backend);
    }

    internal static void IsAsRecorded(string name, Backend backend, GradientCheckpointing checkpointing)
    {
        var run = GoldenRun.Open(name);
        using var model = LoadInitial(run, backend);
        using var trainer = new Trainer(model, run.Data(), run.Options with { GradientCheckpointing = checkpointing });
        Check(run.Steps, trainer, lossTolerance: 1e-3);
        AdapterIs(Path.Combine(run.Folder, "final"), model, 0.01);
    }

    /// <summary>The first steps of a run, for a backend that takes long.</summary>
    internal static void BeginsAsRecorded(string name, Backend backend, int steps)
    {
        var run = GoldenRun.Open(name);
        using var model = LoadInitial(run, backend);
        using var trainer = new Trainer(model, run.Data(), run.Options);
        using var stop = new CancellationTokenSource();
        var seen = new StepList(step =>
        {
            if (step.Step == steps) stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(() => trainer.Run(seen, stop.Token));
        Compare([.. run.Steps.Take(steps)], seen.Steps, lossTolerance: 1e-3);
    }

    internal static void IsNearInBFloat16(string name, Backend backend)
    {
        var run = GoldenRun.Open(name);
        using var model = LoadInitial(run, backend);
        model.ComputeDType = DType.BFloat16;
        using var trainer = new Trainer(model, run.Data(), run.Options);
        Check(run.Steps, trainer, lossTolerance: 0.02 * run.Steps.Min(step => step.Loss), normTolerance: 0.05);
    }

    internal static void Check(IReadOnlyList<GoldenStep> expected, Trainer trainer, double lossTolerance, double normTolerance = 0.01)
    {
        var seen = new StepList();
        Assert.Equal(expected.Count, trainer.TotalSteps);
        trainer.Run(seen);
        Compare(expected, seen.Steps, lossTolerance, normTolerance);
    }

    private static void Compare(IReadOnlyList<GoldenStep> expected, List<StepMetrics> seen, double lossTolerance, double normTolerance = 0.01)
    {
        Assert.Equal(expected.Count, seen.Count);
        TestContext.Current.SendDiagnosticMessage(
            "largest differences: loss {0:E1}, gradient norm {1:P3}", expected.Zip(seen).Max(pair => Math.Abs(pair.First.Loss - pair.Second.Loss)),
            expected.Zip(seen).Max(pair => Math.Abs(pair.First.GradientNorm - pair.Second.GradientNorm) / pair.First.GradientNorm));
        foreach (var (golden, step) in expected.Zip(seen))
        {
            Assert.True(Math.Abs(golden.Loss - step.Loss) <= lossTolerance, $"step {step.Step}: loss {step.Loss}, recorded {golden.Loss}");
            var error = Math.Abs(golden.GradientNorm - step.GradientNorm);
            Assert.True(error <= normTolerance * golden.GradientNorm, $"step {step.Step}: gradient norm {step.GradientNorm}, recorded {golden.GradientNorm}");
            Assert.Equal(golden.LearningRate ?? step.LearningRate, step.LearningRate, 1e-12);
            Assert.Equal(golden.Tokens ?? step.SupervisedTokens, step.SupervisedTokens);
        }
    }

    /// <summary>All matrices of an adapter as one vector, against the recorded ones.</summary>
    internal static void AdapterIs(string folder, CausalLanguageModel model, double tolerance)
    {
        using var final = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors"));
        List<float> expected = [], actual = [];
        foreach (var parameter in model.Adapters.Active!.Parameters)
        {
            expected.AddRange(final.ReadFloats(parameter.Name));
            actual.AddRange(model.Backend.ToHost(parameter.Value));
        }

        Assert.Equal(final.Tensors.Values.Sum(info => info.Shape.Count), actual.Count);
        TestContext.Current.SendDiagnosticMessage("final adapter: relative error {0:P3}", RelativeError.Of(expected.ToArray(), actual.ToArray()));
        RelativeError.AtMost(tolerance, expected.ToArray(), actual.ToArray(), "final adapter");
    }

    private static CausalLanguageModel LoadInitial(GoldenRun run, Backend backend)
    {
        using var file = ModelFile.Open(TestData.Golden($"models/{run.Base}"));
        var model = RecordedBuilder.Load(file, backend, run.Quantization);
        model.Adapters.Load(Path.Combine(run.Folder, "initial"));
        return model;
    }
}
