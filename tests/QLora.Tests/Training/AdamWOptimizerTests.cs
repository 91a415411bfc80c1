using QLora.Autograd;
using QLora.Checkpoints;
using QLora.Tensors;
using QLora.Testing;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>AdamW against PyTorch's and 8-bit AdamW against bitsandbytes': twenty steps on recorded gradients.</summary>
public class AdamWOptimizerTests
{
    [Theory]
    [MemberData(nameof(Backends))]
    public void TwentyStepsAreThoseRecorded(string backendName) => AreAsRecorded(backendName, "adamw", new AdamWOptions());

    [Theory]
    [MemberData(nameof(Backends))]
    public void TwentyStepsWith8BitMomentsAreThoseRecorded(string backendName) => AreAsRecorded(backendName, "adamw8bit", new AdamWOptions(Kind: OptimizerKind.AdamW8Bit, Min8BitSize: 0));

    [Fact]
    public void SmallTensorsKeepTheirMomentsInFloat32()
    {
        using var backend = TestBackends.Create("reference");
        using var small = new Parameter("small", backend.AllocateZeros(new Shape(5, 819)));
        using var large = new Parameter("large", backend.AllocateZeros(new Shape(16, 257)));
        small.Train(backend);
        large.Train(backend);
        using var optimizer = new AdamWOptimizer(backend, [small, large], new AdamWOptions(Kind: OptimizerKind.AdamW8Bit));
        Assert.Equal(
            ["small.exp_avg Float32 [5, 819]", "small.exp_avg_sq Float32 [5, 819]", "large.state1 UInt8 [16, 257]", "large.state2 UInt8 [16, 257]", "large.absmax1 Float32 [17]", "large.absmax2 Float32 [17]"],
            optimizer.Moments.Select(moment => $"{moment.Name} {moment.Tensor}"));
        optimizer.Step(1, 1);
    }

    private static void AreAsRecorded(string backendName, string name, AdamWOptions options)
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("train/optimizers.safetensors"));
        using var backend = TestBackends.Create(backendName);
        var shape = golden.Tensors["p0"].Shape;
        using var parameter = new Parameter("p", backend.Upload<float>(shape, DType.Float32, golden.ReadFloats("p0")));
        parameter.Train(backend);
        using var optimizer = new AdamWOptimizer(backend, [parameter], options with { WeightDecay = 0.1 });
        var (gradients, expected, size) = (golden.ReadFloats("grads"), golden.ReadFloats($"{name}.params"), (int)shape.Count);
        for (var step = 0; step < 20; step++)
        {
            backend.CopyFromHost<float>(gradients.AsSpan(step * size, size), parameter.Gradient!.Value);
            optimizer.Step(1e-2, gradientScale: 1);
            RelativeError.AtMost(1e-6, expected.AsSpan(step * size, size), backend.ToHost(parameter.Value), $"step {step + 1}");
            Assert.Equal(0, optimizer.GradientNorm());
        }
    }

    public static TheoryData<string> Backends() => [.. TestBackends.Names];
}
