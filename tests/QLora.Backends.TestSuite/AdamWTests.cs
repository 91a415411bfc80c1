using QLora.Backends;
using QLora.Checkpoints;
using QLora.Testing;

namespace QLora.Tests.Backends;

/// <summary>AdamW.</summary>
public abstract class AdamWTests(IReadOnlyList<Device> devices) : OpTests(devices)
{
    // Some ten single-precision operations in a row, over a few steps.
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    [InlineData(70003)]
    public void Several_steps(int count) => AgreesWithReference(Tolerance, w =>
    {
        var zeros = Values.Normal(1, count).Times(0);
        var (parameter, first, second) = (w.Upload(Values.Normal(1, count)), w.Upload(zeros), w.Upload(zeros));
        for (var step = 1; step <= 4; step++)
        {
            var gradient = w.Upload(Values.Normal(10 + step, count));
            w.Backend.AdamW(parameter, gradient, first, second, new AdamWStep(1e-2, 0.9, 0.999, 1e-8, 0.1, step, 0.5f));
        }

        return [parameter, first, second];
    });

    [Fact]
    public void Twenty_steps_as_PyTorch_takes_them() => OnEachDevice(backend =>
    {
        using var golden = SafetensorsFile.Open(TestData.Golden("train/optimizers.safetensors"));
        var (gradients, expected) = (golden.ReadFloats("grads"), golden.ReadFloats("adamw.params"));
        var initial = golden.ReadFloats("p0");
        using var w = new Workspace(backend);
        var zeros = Values.Normal(1, initial.Length).Times(0);
        var (parameter, first, second) = (w.Upload(zeros with { Data = initial }), w.Upload(zeros), w.Upload(zeros));
        for (var step = 1; step <= 20; step++)
        {
            var row = ((step - 1) * initial.Length)..(step * initial.Length);
            backend.AdamW(parameter, w.Upload(zeros with { Data = gradients[row] }), first, second, new AdamWStep(1e-2, 0.9, 0.999, 1e-8, 0.1, step, 1));
            Close.Check($"parameters after step {step}", expected[row], w.Read(parameter).Data, 5e-6);
        }
    });

    [Fact]
    public void A_zero_gradient_only_decays() => OnEachDevice(backend =>
    {
        var results = Run(backend, w =>
        {
            var zeros = Values.Normal(1, 20).Times(0);
            var (parameter, gradient) = (w.Upload(Values.Normal(1, 20)), w.Upload(zeros));
            w.Backend.AdamW(parameter, gradient, w.Upload(zeros), w.Upload(zeros), new AdamWStep(0.5, 0.9, 0.999, 1e-8, 0.5, 1, 1));
            return [parameter, gradient];
        });
        Close.Check("parameter", Values.Normal(1, 20).Times(0.75f).Data, results[0].Data, 1e-7);
        Assert.All(results[1].Data, value => Assert.Equal(0, value));
    });

    [Fact]
    public void Shapes()
    {
        var step = new AdamWStep(1e-2, 0.9, 0.999, 1e-8, 0.1, 1, 1);
        Refuses("AdamW", "gradient", w => w.Backend.AdamW(w.Fresh(4), w.Fresh(3), w.Fresh(4), w.Fresh(4), step));
        Refuses("AdamW", "firstMoment", w => w.Backend.AdamW(w.Fresh(4), w.Fresh(4), w.Fresh(2, 2), w.Fresh(4), step));
        Refuses("AdamW", "secondMoment", w => w.Backend.AdamW(w.Fresh(4), w.Fresh(4), w.Fresh(4), w.Fresh(5), step));
        Refuses("AdamW", "step 0", w => w.Backend.AdamW(w.Fresh(4), w.Fresh(4), w.Fresh(4), w.Fresh(4), step with { Step = 0 }));
    }
}
