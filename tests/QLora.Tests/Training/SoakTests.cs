using QLora.Backends;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>
/// Two thousand steps on sequences of changing lengths, the same few in turn: after the fiftieth no memory is added, native or managed, and no garbage is made but the batches and what
/// tells of each step.
/// </summary>
[Collection(nameof(Alone))]
public class SoakTests
{
    private const int Warm = 50, Steps = 2000;
    private const int BatchBytes = 4 << 10;

    [Fact]
    public void Memory_is_flat()
    {
        using var backend = new QLora.Cpu.CpuBackend();
        using var model = TinyModel.WithAdapter(backend);
        using var trainer = new Trainer(model, TinyModel.Data(), new TrainingOptions { MaxSteps = Steps, BatchSize = 2, Shuffle = false });
        var native = new Dictionary<int, MemoryStatistics>();
        var managed = new Dictionary<int, long>();
        var allocated = new Dictionary<int, long>();
        trainer.Run(new Watch(step =>
        {
            if (step is not (Warm or Steps)) return;
            native[step] = backend.Memory;
            managed[step] = GC.GetTotalMemory(forceFullCollection: true);
            allocated[step] = GC.GetAllocatedBytesForCurrentThread();
        }), TestContext.Current.CancellationToken);
        Assert.Equal(native[Warm], native[Steps]);
        Assert.InRange(managed[Steps] - managed[Warm], long.MinValue, 64 << 10); // what the runtime itself keeps moves by a few pages
        TestContext.Current.SendDiagnosticMessage("{0} bytes allocated a step", (allocated[Steps] - allocated[Warm]) / (Steps - Warm));
        Assert.InRange((allocated[Steps] - allocated[Warm]) / (Steps - Warm), 0, BatchBytes);
    }

    private sealed class Watch(Action<int> at) : IProgress<StepMetrics>
    {
        public void Report(StepMetrics value) => at(value.Step);
    }
}

/// <summary>Tests that look at what the whole process has in memory, and run when no others do.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
