using QLora.Autograd;
using QLora.Backends;
using QLora.Gpu;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Moments in the host's memory: the same numbers to the last bit, and none of the GPU's memory but for the pieces that a step has there.</summary>
public class PagedOptimizerTests
{
    // A tensor that keeps moments in Float32, one of a single piece, and one whose last piece is short and ends within a block.
    private static readonly Shape[] Shapes = [new(5, 819), new(64, 257), new(2, (AdamWOptimizer.PieceLength / 2) + 333)];

    private static readonly AdamWOptions Options = new(WeightDecay: 0.1);

    public static TheoryData<string, OptimizerKind> Cases => Of(GpuDevices.List());

    public static TheoryData<string, OptimizerKind> RunCases => Of(GpuDevices.List().Where(device => device.Kind != GpuDeviceKind.Emulation));

    private static TheoryData<string, OptimizerKind> Of(IEnumerable<GpuDeviceInfo> devices) => new(
        from device in devices
        from kind in new[] { OptimizerKind.PagedAdamW, OptimizerKind.PagedAdamW8Bit }
        select (device.Name, kind));

    [Theory, MemberData(nameof(Cases))]
    public void A_paged_optimizer_takes_the_same_steps(string device, OptimizerKind kind)
    {
        using var opened = GpuDevice.Open(device);
        var (plain, paged) = (Steps(opened, kind.Unpaged()), Steps(opened, kind));
        Assert.Equal(plain.Content, paged.Content);

        Assert.InRange(plain.MomentBytes, Shapes.Sum(shape => shape.Count) * 2, long.MaxValue);
        Assert.InRange(plain.InUse - paged.InUse, plain.MomentBytes, plain.MomentBytes + (64 * plain.Content.Count)); // the pool's alignment
        Assert.Equal(0, paged.MomentBytes);
        Assert.InRange(paged.PeakInUse - paged.InUse, 1, (2 * sizeof(float) * AdamWOptimizer.PieceLength) + (64 << 10));
    }

    [Theory, MemberData(nameof(RunCases))]
    public void A_run_goes_on_with_the_other_kind(string device, OptimizerKind kind)
    {
        using var backend = GpuBackend.Open(device);
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions { BatchSize = 2, MaxSteps = 4, LearningRate = 0.01, SaveSteps = 2, Min8BitSize = 130, Optimizer = kind.Unpaged() };
        var expected = Run("plain", options);
        Assert.Equal(expected, Run("paged", options with { Optimizer = kind }));
        Assert.Equal(File.ReadAllBytes(folder["plain/checkpoint-4/optimizer.safetensors"]), File.ReadAllBytes(folder["paged/checkpoint-4/optimizer.safetensors"]));
        Assert.Equal(expected, Run("resumed", options, folder["paged/checkpoint-2"]));
        Assert.Equal(expected, Run("paged again", options with { Optimizer = kind }, folder["plain/checkpoint-2"]));

        int[] Run(string output, TrainingOptions settings, string? resume = null)
        {
            using var model = TinyModel.WithAdapter(backend);
            using var trainer = new Trainer(model, TinyModel.Data(), settings) { OutputFolder = folder[output] };
            if (resume is not null) trainer.Resume(resume);
            trainer.Run(cancellation: TestContext.Current.CancellationToken);
            return TinyModel.Bits(model);
        }
    }

    [Fact]
    public void Without_a_GPU_it_is_the_plain_one()
    {
        using var backend = TestBackends.Create("cpu-256");
        using var parameter = new Parameter("p", backend.AllocateZeros(Shapes[0]));
        parameter.Train(backend);
        using var optimizer = new AdamWOptimizer(backend, [parameter], Options with { Kind = OptimizerKind.PagedAdamW });
        Assert.Equal(2 * sizeof(float) * Shapes[0].Count, optimizer.MomentBytes);
    }

    private static (List<byte[]> Content, long MomentBytes, long InUse, long PeakInUse) Steps(GpuDevice device, OptimizerKind kind)
    {
        using var backend = new GpuBackend(device);
        var parameters = Shapes.Select((shape, i) => new Parameter($"p{i}", Upload(backend, shape, seed: i))).ToList();
        foreach (var parameter in parameters) parameter.Train(backend);
        using var optimizer = new AdamWOptimizer(backend, parameters, Options with { Kind = kind });
        var inUse = backend.Memory.InUse;
        for (var step = 0; step < 2; step++)
        {
            foreach (var (parameter, i) in parameters.Select((parameter, i) => (parameter, i)))
            {
                using var gradient = Upload(backend, parameter.Value.Shape, seed: 10 + (10 * step) + i);
                backend.Copy(gradient, parameter.Gradient!.Value);
            }

            optimizer.Step(1e-2, 0.5);
        }

        var peak = backend.Memory.PeakInUse;
        backend.Synchronize();
        List<byte[]> content = [.. parameters.Select(parameter => Bytes(backend, parameter.Value)), .. optimizer.Moments.Select(moment => Bytes(backend, moment.Tensor))];
        var bytes = optimizer.MomentBytes;
        foreach (var parameter in parameters) parameter.Dispose();
        return (content, bytes, inUse, peak);
    }

    private static Tensor Upload(Backend backend, Shape shape, int seed)
    {
        var random = new Random(seed);
        var values = new float[shape.Count];
        foreach (ref var value in values.AsSpan()) value = (float)(random.NextDouble() - 0.5);
        return backend.Upload<float>(shape, DType.Float32, values);
    }

    private static byte[] Bytes(Backend backend, Tensor tensor)
    {
        if (tensor.Buffer is HostBuffer) return tensor.HostBytes().ToArray();
        var bytes = new byte[tensor.Bytes];
        backend.CopyToHost<byte>(tensor, bytes);
        return bytes;
    }
}
