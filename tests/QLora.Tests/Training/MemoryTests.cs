using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Cpu;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>A training step in its steady state allocates nothing, native or managed.</summary>
[Collection(nameof(Alone))]
public class MemoryTests
{
    private const int WarmSteps = 4, Steps = 12;

    [Theory]
    [MemberData(nameof(Backends))]
    public void NativeMemoryDoesNotGrowFromStepToStep(string backendName, GradientCheckpointing checkpointing)
    {
        using var backend = TestBackends.Create(backendName);
        using var model = TinyModel.WithAdapter(backend);
        var options = new TrainingOptions { BatchSize = 4, GradientAccumulationSteps = 2, MaxSteps = 12, Shuffle = false, GradientCheckpointing = checkpointing };
        using var trainer = new Trainer(model, TinyModel.Data(8), options);
        var after = new List<MemoryStatistics>();
        trainer.Run(new StepList(_ => after.Add(backend.Memory)), TestContext.Current.CancellationToken);
        Assert.All(after[3..], memory => Assert.Equal(after[2], memory));
    }

    /// <summary>
    /// From the batches on to the updated adapter; what reads data and writes metrics is around it. A mixture has seen its steady state when no expert gets more tokens than ever before,
    /// so its experts must be the same in every step.
    /// </summary>
    [Theory]
    [MemberData(nameof(StepMatrix))]
    public void AStepAllocatesNothing(string name, DType computeDType, GradientCheckpointing checkpointing, OptimizerKind kind)
    {
        using var file = ModelFile.Open(TestData.Golden($"models/{name}"));
        using var backend = new CpuBackend(threads: 2);
        using var model = file.Load(backend);
        model.ComputeDType = computeDType;
        model.Adapters.AddNew(new LoraConfig { Rank = 4, Dropout = IsMixture(name) ? 0 : 0.1f });
        model.Adapters.Train();
        using var optimizer = new AdamWOptimizer(backend, model.TrainableParameters, new AdamWOptions(Kind: kind, Min8BitSize: 0));
        var step = new TrainingStep(model, optimizer, maxGradientNorm: 1, checkpointing, seed: 0);
        var cancellation = TestContext.Current.CancellationToken;
        var learningRate = IsMixture(name) ? 0 : 1e-3;
        TokenBatch[] batches = [Batch(5, 40), Batch(21)];
        long Allocated(int steps)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            for (var i = 0; i < steps; i++) step.Run(batches, learningRate, cancellation);
            return GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        Allocated(WarmSteps);
        var native = backend.Memory;

        // The runtime compiles methods anew and the test runner writes its log beside this, now and then, but not every time.
        Assert.Equal(0, Enumerable.Range(0, 5).Min(_ => Allocated(Steps)));
        Assert.Equal(native, backend.Memory);
    }

    private static bool IsMixture(string name) => name is "mixtral" or "qwen3_moe";

    private static TokenBatch Batch(params int[] lengths)
        => TokenBatch.Create([.. lengths.Select(length => Enumerable.Range(3, length).ToArray()).Select(ids => (ids, (int[]?)ids))]);

    public static TheoryData<string, GradientCheckpointing> Backends()
    {
        var data = new TheoryData<string, GradientCheckpointing>();
        foreach (var backend in TestBackends.Names)
        {
            data.Add(backend, GradientCheckpointing.None);
            data.Add(backend, GradientCheckpointing.Recompute);
        }

        return data;
    }

    public static TheoryData<string, DType, GradientCheckpointing, OptimizerKind> StepMatrix()
    {
        string[] models = ["llama", "mistral_swa", "qwen2", "qwen3", "phi3", "gemma2", "gemma3_text", "olmo2", "granite", "smollm3", "gpt2", "mixtral", "qwen3_moe"];
        var data = new TheoryData<string, DType, GradientCheckpointing, OptimizerKind> { { "llama", DType.Float32, GradientCheckpointing.None, OptimizerKind.AdamW8Bit } };
        foreach (var model in models)
        {
            foreach (var computeDType in new[] { DType.Float32, DType.BFloat16 })
            {
                data.Add(model, computeDType, GradientCheckpointing.None, OptimizerKind.AdamW);
                data.Add(model, computeDType, GradientCheckpointing.Recompute, OptimizerKind.AdamW);
            }
        }

        return data;
    }
}
