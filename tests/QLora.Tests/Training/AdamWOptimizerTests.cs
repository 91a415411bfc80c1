using QLora.Autograd;
using QLora.Checkpoints;
using QLora.Tensors;
using QLora.Testing;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>AdamW against PyTorch's: twenty steps on recorded gradients.</summary>
public class AdamWOptimizerTests
{
    [Theory]
    [MemberData(nameof(Backends))]
    public void TwentyStepsAreThoseRecorded(string backendName)
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("train/optimizers.safetensors"));
        using var backend = TestBackends.Create(backendName);
        var shape = golden.Tensors["p0"].Shape;
        using var parameter = new Parameter("p", backend.Upload<float>(shape, DType.Float32, golden.ReadFloats("p0")));
        parameter.Train(backend);
        using var optimizer = new AdamWOptimizer(backend, [parameter], new AdamWOptions(WeightDecay: 0.1f));
        var (gradients, expected, size) = (golden.ReadFloats("grads"), golden.ReadFloats("adamw.params"), (int)shape.Count);
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
