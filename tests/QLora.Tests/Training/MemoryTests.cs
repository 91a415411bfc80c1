using QLora.Backends;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>A training step in its steady state takes no native memory, and little managed: a few objects per op, nothing per token.</summary>
public class MemoryTests
{
    [Theory]
    [MemberData(nameof(Backends))]
    public void NativeMemoryDoesNotGrowFromStepToStep(string backendName, bool checkpointing)
    {
        using var backend = TestBackends.Create(backendName);
        using var model = TinyModel.WithAdapter(backend);
        var options = new TrainingOptions { BatchSize = 4, GradientAccumulationSteps = 2, MaxSteps = 12, Shuffle = false, GradientCheckpointing = checkpointing };
        using var trainer = new Trainer(model, TinyModel.Data(8), options);
        var after = new List<MemoryStatistics>();
        trainer.Run(new StepList(_ => after.Add(backend.Memory)), TestContext.Current.CancellationToken);
        Assert.All(after[3..], memory => Assert.Equal(after[2], memory));
    }

    [Fact]
    public void ManagedMemoryDoesNotGrowWithTheTokens()
    {
        using var backend = new QLora.Cpu.CpuBackend(threads: 1);
        var perStep = new[] { 20, 200 }.Select(length =>
        {
            using var model = TinyModel.WithAdapter(backend);
            int[] ids = [.. Enumerable.Range(0, length).Select(i => i % TinyModel.Vocabulary)];
            using var trainer = new Trainer(model, QLora.Data.Dataset.Of("x", [new(ids, ids)]), new TrainingOptions { MaxSteps = 8 });
            var at = new long[9];
            trainer.Run(new StepList(step => at[step.Step] = GC.GetAllocatedBytesForCurrentThread()), TestContext.Current.CancellationToken);
            return (at[8] - at[4]) / 4;
        }).ToList();
        TestContext.Current.SendDiagnosticMessage("{0} bytes for 20 tokens, {1} for 200", perStep[0], perStep[1]);

        // Ids, labels and positions of the batch are a few words per token; everything else is objects of the tape: two blocks of 15 ops, forward twice and back.
        Assert.InRange(perStep[1] - perStep[0], 0, 180 * 64);
        Assert.InRange(perStep[0], 0, 50_000);
    }

    public static TheoryData<string, bool> Backends()
    {
        var data = new TheoryData<string, bool>();
        foreach (var backend in TestBackends.Names)
        {
            data.Add(backend, false);
            data.Add(backend, true);
        }

        return data;
    }
}
