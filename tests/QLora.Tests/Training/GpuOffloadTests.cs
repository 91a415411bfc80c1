using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Cpu;
using QLora.Gpu;
using QLora.Models;
using QLora.Planning;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Inputs of blocks in the host's memory: the numbers are those of inputs that stay, the device needs as much less as planned, and nothing is left behind when a copy fails.</summary>
public sealed class GpuOffloadTests : IDisposable
{
    private const double Tolerance = 0.01; // as of other plans
    private const int Blocks = 8;

    private readonly TemporaryFolder _folder = new();

    public GpuOffloadTests()
    {
        var config = JsonNode.Parse(File.ReadAllText(TestData.Golden("models/llama/config.json")))!;
        config["num_hidden_layers"] = Blocks;
        File.WriteAllText(_folder["config.json"], config.ToJsonString());
        using var file = ModelFile.Open(_folder.Path);
        using var backend = new CpuBackend();
        using var model = file.Family.CreateRandom(file.Config, backend, seed: 3);
        ModelMerger.Save(model, _folder.Path, DType.Float32);
    }

    public static TheoryData<string, DType> QuickDevices => new(GpuDevices.List().Where(device => device.Kind != GpuDeviceKind.Emulation)
        .SelectMany(device => new[] { (device.Name, DType.Float32), (device.Name, DType.BFloat16) }));

    public static TheoryData<string, DType> Devices => [.. QuickDevices, (GpuDevices.Emulation, DType.Float32)];

    [Theory]
    [MemberData(nameof(Devices))]
    public void Losses_norms_gradients_and_weights_are_the_same_bits(string device, DType computeDType)
    {
        using var opened = GpuDevice.Open(device);
        var (model, steps) = device == GpuDevices.Emulation
            ? (TestData.Golden("models/llama"), new TokenBatch[][] { [Batch(3), Batch(2)] }) // where a step takes seconds
            : (_folder.Path, [[Batch(70), Batch(9, 30)], [Batch(5)], [Batch(120), Batch(64)], [Batch(70), Batch(9, 30)]]);
        Assert.Equal(Numbers(GradientCheckpointing.Recompute), Numbers(GradientCheckpointing.Offload));

        List<long> Numbers(GradientCheckpointing checkpointing)
        {
            using var backend = new GpuBackend(opened);
            using var run = new Run(backend, model, computeDType, checkpointing, dropout: 0.1f);
            var numbers = new List<long>();
            foreach (var batches in steps)
            {
                var result = run.Step(batches);
                numbers.AddRange([BitConverter.DoubleToInt64Bits(result.Loss), BitConverter.DoubleToInt64Bits(result.GradientNorm)]);
            }

            numbers.AddRange(run.GradientBits(steps[^1][0]));
            numbers.AddRange(TinyModel.Bits(run.Model).Select(bits => (long)bits));
            Assert.Equal(checkpointing == GradientCheckpointing.Offload, backend.PinnedMemory.PeakInUse > 0);
            Assert.Equal(0, backend.PinnedMemory.InUse);
            return numbers;
        }
    }

    /// <summary>Two inputs are on the device at a time: that of the block that runs backwards, and that of the one before it.</summary>
    [Theory]
    [MemberData(nameof(QuickDevices))]
    public void The_device_needs_less_by_what_is_planned(string device, DType computeDType)
    {
        const int Length = 200;
        using var opened = GpuDevice.Open(device);
        using var file = ModelFile.Open(_folder.Path);
        var (stay, leave) = (PlannedAndMeasured(GradientCheckpointing.Recompute), PlannedAndMeasured(GradientCheckpointing.Offload));
        var input = (long)Length * file.Config.HiddenSize * computeDType.Size();
        Assert.Equal((Blocks - 2) * input, stay.Planned.PoolBytes - leave.Planned.PoolBytes);
        Assert.Equal((Blocks - 2) * input, stay.Memory.PeakInUse - leave.Memory.PeakInUse);
        Assert.Equal(0, stay.Planned.PinnedBytes);
        Assert.Equal(Blocks * input, leave.Pinned.PeakInUse);

        (MemoryPlan Planned, MemoryStatistics Memory, MemoryStatistics Pinned) PlannedAndMeasured(GradientCheckpointing checkpointing)
        {
            using var backend = new GpuBackend(opened);
            var planned = new MemoryPlanner(file, backend).Plan(
                new PlannedRun { Lora = new LoraConfig { Rank = 4 }, MaxLength = Length, ComputeDType = computeDType, GradientCheckpointing = checkpointing });
            using var run = new Run(backend, _folder.Path, computeDType, checkpointing);
            for (var i = 0; i < 3; i++) run.Step(Batch(Length));
            Assert.Equal(backend.Memory.PeakInUse, planned.PoolBytes, Tolerance * backend.Memory.PeakInUse);
            Assert.Equal(planned.PinnedBytes, backend.PinnedMemory.PeakResident);
            return (planned, backend.Memory, backend.PinnedMemory);
        }
    }

    /// <summary>The queue of the copies is taken away, as a driver does that has lost its device.</summary>
    [Fact]
    public void A_copy_that_fails_says_so_and_everything_is_given_back()
    {
        var device = GpuDevices.List()[0];
        Assert.SkipUnless(device.Kind is GpuDeviceKind.OpenClGpu or GpuDeviceKind.OpenClProcessor, "the first device is none of OpenCL");
        var backend = GpuBackend.Open(device.Name);
        using var run = new Run(backend, _folder.Path, DType.Float32, GradientCheckpointing.Offload);
        run.Step(Batch(20));
        var before = backend.Memory.InUse;
        StreamOf(CopiesOf(backend)).Dispose();
        var message = Assert.Throws<QLoraException>(() => run.Step(Batch(20))).Message;
        Assert.StartsWith($"device {device.Name} (", message, StringComparison.Ordinal);
        Assert.Contains("stopped working: CL_INVALID_COMMAND_QUEUE;", message, StringComparison.Ordinal);
        Assert.Equal((before, 0), (backend.Memory.InUse, backend.PinnedMemory.InUse));
    }

    [Fact]
    public void What_computes_in_the_memory_of_the_process_refuses()
    {
        using var backend = new CpuBackend();
        using var run = new Run(backend, _folder.Path, DType.Float32, GradientCheckpointing.Offload);
        Assert.Contains("expected true or false", Assert.Throws<QLoraException>(() => run.Step(Batch(20))).Message, StringComparison.Ordinal);
        using var file = ModelFile.Open(_folder.Path);
        Assert.Throws<QLoraException>(() => new MemoryPlanner(file, backend).Plan(new PlannedRun { GradientCheckpointing = GradientCheckpointing.Offload }));
    }

    public void Dispose() => _folder.Dispose();

    private static TokenBatch Batch(params int[] lengths)
        => TokenBatch.Create([.. lengths.Select(length => Enumerable.Range(0, length).Select(i => 3 + (i * 7 % 100)).ToArray()).Select(ids => (ids, (int[]?)ids))]);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_copies")]
    private static extern ref CopyQueue CopiesOf(GpuBackend backend);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref ILGPU.Runtime.AcceleratorStream StreamOf(CopyQueue copies);

    private sealed class Run : IDisposable
    {
        private readonly GradientCheckpointing _checkpointing;
        private readonly AdamWOptimizer _optimizer;
        private readonly TrainingStep _step;

        public Run(Backend backend, string folder, DType computeDType, GradientCheckpointing checkpointing, float dropout = 0)
        {
            using var file = ModelFile.Open(folder);
            _checkpointing = checkpointing;
            Model = file.Load(backend);
            Model.ComputeDType = computeDType;
            Model.Adapters.AddNew(new LoraConfig { Rank = 4, Dropout = dropout });
            Model.Adapters.Train();
            _optimizer = new AdamWOptimizer(backend, Model.TrainableParameters, new AdamWOptions());
            _step = new TrainingStep(Model, _optimizer, maxGradientNorm: 1, checkpointing, seed: 0);
        }

        public CausalLanguageModel Model { get; }

        public StepResult Step(params TokenBatch[] batches) => _step.Run(batches, 1e-2, TestContext.Current.CancellationToken);

        public IEnumerable<long> GradientBits(TokenBatch batch)
        {
            using var context = new ForwardContext(Model, batch, new ForwardOptions(Record: true, _checkpointing));
            context.CrossEntropySum(Model.Forward(context), Model.LmHead);
            context.Backward();
            return [.. Model.TrainableParameters.SelectMany(parameter => Model.Backend.ToHost(parameter.Gradient!.Value)).Select(value => (long)BitConverter.SingleToInt32Bits(value))];
        }

        public void Dispose()
        {
            _optimizer.Dispose();
            Model.Dispose();
        }
    }
}
