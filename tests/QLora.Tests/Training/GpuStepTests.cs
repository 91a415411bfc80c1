using QLora.Adapters;
using QLora.Autograd;
using QLora.Gpu;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>A training step on a GPU in its steady state: the host waits once, for the loss and the gradient norm, and nothing is taken from the device or from the system.</summary>
[Collection(nameof(Alone))]
public class GpuStepTests
{
    private const int WarmSteps = 3, Steps = 3;

    [Theory]
    [MemberData(nameof(StepMatrix))]
    public void A_step_waits_once_and_takes_no_memory(string device, DType computeDType, GradientCheckpointing checkpointing, OptimizerKind kind)
    {
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        using var backend = GpuBackend.Open(device);
        using var model = file.Load(backend);
        model.ComputeDType = computeDType;
        model.Adapters.AddNew(new LoraConfig { Rank = 4 });
        model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions(Kind: kind, Min8BitSize: 0));
        var step = new TrainingStep(model, optimizer, maxGradientNorm: 1, checkpointing, seed: 0);
        TokenBatch[] batches = [Batch(5, 12), Batch(21)];
        void Run(int steps)
        {
            for (var i = 0; i < steps; i++) step.Run(batches, 1e-3, TestContext.Current.CancellationToken);
        }

        Run(WarmSteps);
        var (waited, taken, memory, pinned) = (backend.Synchronizations, backend.RegionsTaken, backend.Memory, backend.PinnedMemory);
        Run(Steps);
        Assert.Equal(Steps, backend.Synchronizations - waited);
        Assert.Equal(taken, backend.RegionsTaken);
        Assert.Equal(memory, backend.Memory);
        Assert.Equal(pinned, backend.PinnedMemory);
        Assert.Equal(checkpointing == GradientCheckpointing.Offload || kind.IsPaged(), pinned.PeakInUse > 0);

        // The runtime makes a few objects of its own when it replaces code by faster code, once.
        Assert.Equal(0, Enumerable.Range(0, 5).Min(_ => Garbage(Steps)));

        long Garbage(int steps)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Run(steps);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static TokenBatch Batch(params int[] lengths)
        => TokenBatch.Create([.. lengths.Select(length => Enumerable.Range(3, length).ToArray()).Select(ids => (ids, (int[]?)ids))]);

    public static TheoryData<string, DType, GradientCheckpointing, OptimizerKind> StepMatrix()
    {
        var data = new TheoryData<string, DType, GradientCheckpointing, OptimizerKind>();
        foreach (var device in GpuDevices.List().Where(device => device.Kind != GpuDeviceKind.Emulation))
        {
            data.Add(device.Name, DType.Float32, GradientCheckpointing.None, OptimizerKind.AdamW);
            data.Add(device.Name, DType.BFloat16, GradientCheckpointing.Recompute, OptimizerKind.AdamW8Bit);
            data.Add(device.Name, DType.BFloat16, GradientCheckpointing.Offload, OptimizerKind.PagedAdamW8Bit);
            data.Add(device.Name, DType.Float32, GradientCheckpointing.None, OptimizerKind.PagedAdamW);
        }

        return data;
    }
}
