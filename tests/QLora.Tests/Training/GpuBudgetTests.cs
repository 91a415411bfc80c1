using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Gpu;
using QLora.Models;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>A step that asks a GPU for more than its budget fails, leaves the model as it was and gives everything back: a smaller one goes on there.</summary>
public class GpuBudgetTests
{
    private static readonly string[] Gpus = [.. GpuDevices.List().Where(device => device.Kind != GpuDeviceKind.Emulation).Select(device => device.Name)];

    public static TheoryData<string, GradientCheckpointing> StepMatrix => new(Gpus.SelectMany(device => Enum.GetValues<GradientCheckpointing>().Select(checkpointing => (device, checkpointing))));

    [Theory]
    [MemberData(nameof(StepMatrix))]
    public void WhereverAStepFailsASmallerOneGoesOn(string device, GradientCheckpointing checkpointing)
    {
        const int Budgets = 12;
        using var opened = GpuDevice.Open(device);
        using var file = ModelFile.Open(TestData.Golden("models/llama"));
        var (smallest, needed) = Peaks(opened, file, checkpointing);
        for (var i = 0; i < Budgets; i++)
        {
            using var backend = new GpuBackend(opened, smallest + ((needed - smallest) * i / Budgets));
            using var run = new Run(backend, file, checkpointing);
            run.Step(Small);
            var (before, weight) = (backend.Memory.InUse, run.Weight());
            Assert.Contains("out of memory", Assert.Throws<DeviceMemoryException>(() => run.Step(Large)).Message, StringComparison.Ordinal);
            Assert.Equal(weight, run.Weight());
            Assert.True(double.IsFinite(run.Step(Small).Loss));
            Assert.Equal((before, 0), (backend.Memory.InUse, backend.PinnedMemory.InUse));
            Assert.NotEqual(weight, run.Weight());
        }
    }

    [Fact]
    public void AModelThatDoesNotFitGivesBackWhatWasLoaded()
    {
        foreach (var device in Gpus)
        {
            using var backend = GpuBackend.Open(device, memoryBudget: 64 << 10);
            using var file = ModelFile.Open(TestData.Golden("models/llama"));
            Assert.Throws<DeviceMemoryException>(() => file.Load(backend));
            var tables = backend.Memory.InUse; // of the 4-bit code, which the backend keeps
            Assert.InRange(tables, 0, 1 << 10);
            Assert.Throws<DeviceMemoryException>(() => file.Load(backend));
            Assert.Equal(tables, backend.Memory.InUse);
        }
    }

    private static TokenBatch Small => Batch(8);

    private static TokenBatch Large => Batch(96);

    private static TokenBatch Batch(int length)
    {
        var ids = Enumerable.Range(0, length).Select(i => 3 + (i % 50)).ToArray();
        return TokenBatch.Create([(ids, ids)]);
    }

    /// <summary>What a small step needs, and the most that a large one holds.</summary>
    private static (long Small, long Large) Peaks(GpuDevice device, ModelFile file, GradientCheckpointing checkpointing)
    {
        using var backend = new GpuBackend(device);
        using var run = new Run(backend, file, checkpointing);
        run.Step(Small);
        var small = backend.Memory.PeakInUse;
        run.Step(Large);
        return (small * 5 / 4, backend.Memory.PeakInUse); // some more, for places that nothing fits into
    }

    private sealed class Run : IDisposable
    {
        private readonly Backend _backend;
        private readonly CausalLanguageModel _model;
        private readonly AdamWOptimizer _optimizer;
        private readonly TrainingStep _step;

        public Run(Backend backend, ModelFile file, GradientCheckpointing checkpointing)
        {
            _backend = backend;
            _model = file.Load(backend);
            _model.Adapters.AddNew(new LoraConfig { Rank = 4 });
            _model.Adapters.Train();
            _optimizer = new AdamWOptimizer(backend, _model.TrainableParameters, new AdamWOptions());
            _step = new TrainingStep(_model, _optimizer, maxGradientNorm: 1, checkpointing, seed: 0);
        }

        public StepResult Step(TokenBatch batch) => _step.Run([batch], 1e-2, TestContext.Current.CancellationToken);

        public float[] Weight()
        {
            var tensor = _model.TrainableParameters.First(parameter => parameter.Name.Contains("lora_B", StringComparison.Ordinal)).Value;
            var values = new float[tensor.Count];
            _backend.CopyToHost<float>(tensor, values);
            return values;
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            _model.Dispose();
        }
    }
}
