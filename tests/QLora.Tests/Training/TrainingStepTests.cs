using System.Collections;
using QLora.Autograd;
using QLora.Models;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>One optimizer step: how it is split, what stops it, what is left then.</summary>
public class TrainingStepTests
{
    [Theory]
    [MemberData(nameof(Backends))]
    public void TheSplitIntoMicroBatchesDoesNotChangeTheResult(string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        var runs = new[] { (1, 8), (2, 4), (8, 1) }.Select(split =>
        {
            using var model = TinyModel.WithAdapter(backend, dropout: 0);
            var options = new TrainingOptions { BatchSize = split.Item1, GradientAccumulationSteps = split.Item2, MaxSteps = 4, LearningRate = 0.01 };
            using var trainer = new Trainer(model, TinyModel.Data(16), options);
            var seen = new StepList();
            trainer.Run(seen);
            return (seen.Steps, Weights: model.TrainableParameters.SelectMany(parameter => backend.ToHost(parameter.Value)).ToArray());
        }).ToList();

        foreach (var (steps, weights) in runs[1..])
        {
            foreach (var (one, other) in runs[0].Steps.Zip(steps))
            {
                Assert.Equal(one.Loss, other.Loss, 1e-5 * one.Loss);
                Assert.Equal(one.GradientNorm, other.GradientNorm, 1e-4 * one.GradientNorm);
                Assert.Equal((one.Tokens, one.SupervisedTokens), (other.Tokens, other.SupervisedTokens));
            }

            RelativeError.AtMost(1e-3, runs[0].Weights, weights, "adapter");
        }
    }

    [Fact]
    public void AStepThatIsCancelledBetweenMicroBatchesIsUndone()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions());
        var step = new TrainingStep(model, optimizer, maxGradientNorm: 1, GradientCheckpointing.Recompute, seed: 3);
        var batches = TinyModel.Data(4).Examples.Select(example => TokenBatch.Create([(example.InputIds, example.Labels)])).ToList();
        var before = TinyModel.Bits(model);
        using var stop = new CancellationTokenSource();

        Assert.Throws<OperationCanceledException>(() => step.Run(new CancellingList(batches, reached: 2, stop), 0.01, stop.Token));
        Assert.Equal((0, 0L), (optimizer.Steps, step.MicroBatches));
        Assert.Equal(before, TinyModel.Bits(model));
        Assert.All(model.TrainableParameters, parameter => Assert.Equal(0, backend.SumOfSquares(parameter.Gradient!.Value)));

        var again = step.Run(batches, 0.01, TestContext.Current.CancellationToken);
        using var fresh = TinyModel.WithAdapter(backend);
        fresh.Adapters.Train();
        using var freshOptimizer = new AdamWOptimizer(backend, fresh.TrainableParameters, new AdamWOptions());
        Assert.Equal(new TrainingStep(fresh, freshOptimizer, 1, GradientCheckpointing.Recompute, 3).Run(batches, 0.01, TestContext.Current.CancellationToken), again);
        Assert.Equal(TinyModel.Bits(fresh), TinyModel.Bits(model));
    }

    [Fact]
    public void GradientsAreClippedAsPyTorchClipsThem()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend, dropout: 0);
        model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions());
        var step = new TrainingStep(model, optimizer, maxGradientNorm: 1e-3, GradientCheckpointing.None, seed: 3);
        var batch = TokenBatch.Create([.. TinyModel.Data(4).Examples.Select(example => (example.InputIds, (int[]?)example.Labels))]);
        var result = step.Run([batch], 0.01, TestContext.Current.CancellationToken);
        Assert.True(result.GradientNorm > 1e-2, "reported before clipping");

        // The first moment after one step is a tenth of the clipped gradient.
        var first = optimizer.Moments.Where(moment => moment.Name.EndsWith(".exp_avg", StringComparison.Ordinal));
        var norm = Math.Sqrt(first.Sum(moment => backend.SumOfSquares(moment.Tensor)));
        Assert.Equal(1e-4 * result.GradientNorm / (result.GradientNorm + 1e-6), norm, 1e-8);
    }

    [Theory]
    [MemberData(nameof(Backends))]
    public void AnAbsurdLearningRateFailsFastWithTheLayersName(string backendName)
    {
        using var backend = TestBackends.Create(backendName);
        using var folder = new TemporaryFolder();
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), new TrainingOptions { LearningRate = 1e30, Schedule = LearningRateScheduleKind.Constant, SaveSteps = 1 })
        {
            OutputFolder = folder.Path,
        };
        var error = Assert.Throws<QLoraException>(() => trainer.Run(cancellation: TestContext.Current.CancellationToken));
        Assert.StartsWith("step 2: the loss is NaN", error.Message);
        Assert.Matches(@": the output of (model\.layers\.0\.\S+|the \S+ of block 0) is not finite; use a smaller --learning-rate$", error.Message);
        Assert.Equal(["checkpoint-1"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName));
        Assert.False(File.Exists(folder["adapter_model.safetensors"]));
    }

    [Fact]
    public void AWeightThatIsNotFiniteIsNamed()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        var branch = model.Adapters.Active!.Branches.Last().Branch;
        backend.CopyFromHost<float>([.. Enumerable.Repeat(float.PositiveInfinity, (int)branch.B.Value.Count)], branch.B.Value);
        using var trainer = new Trainer(model, TinyModel.Data(), new TrainingOptions());
        Assert.Contains($"{branch.B.Name} is not finite", Assert.Throws<QLoraException>(() => trainer.Run(cancellation: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void AStepWithoutSupervisedTokensIsRefused()
    {
        using var backend = TestBackends.Create("reference");
        using var model = TinyModel.WithAdapter(backend);
        model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions());
        var step = new TrainingStep(model, optimizer, 1, GradientCheckpointing.Recompute, 3);
        var error = Assert.Throws<QLoraException>(() => step.Run([TokenBatch.Of([1, 2, 3])], 0.01, TestContext.Current.CancellationToken));
        Assert.Equal("step 1 has no supervised token: every label of its examples is -100", error.Message);
    }

    public static TheoryData<string> Backends() => [.. TestBackends.Names];

    /// <summary>Cancels as the loop over it reaches one of its batches for the second time, that is when passes are run and not when tokens are counted.</summary>
    private sealed class CancellingList(List<TokenBatch> batches, int reached, CancellationTokenSource stop) : IReadOnlyList<TokenBatch>
    {
        private bool _counted; // tokens are, in all of them, before the first is run

        public int Count => batches.Count;

        public TokenBatch this[int index]
        {
            get
            {
                if (_counted && index == reached) stop.Cancel();
                _counted |= index == Count - 1;
                return batches[index];
            }
        }

        public IEnumerator<TokenBatch> GetEnumerator() => batches.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
