using QLora.Backends;
using QLora.Checkpoints;
using QLora.Cpu;
using QLora.Data;
using QLora.Gpu;
using QLora.Models;
using QLora.Tests.Training;
using QLora.Training;
using QLora.Verification;

namespace QLora.Tests.Models;

/// <summary>
/// Recorded models and runs with the kernels of the GPU, at the tolerances of the other backends: one model of each kind of attention, norm and weight. They run on
/// an OpenCL device, which may be a processor.
/// </summary>
public sealed class GpuGoldenTests : IDisposable
{
    private static readonly Lazy<GpuDevice> Device = new(Open); // its kernels are compiled once

    private readonly GpuBackend _backend = new(Device.Value);

    [Theory]
    [InlineData("llama")]
    [InlineData("llama_mha_bias")]
    [InlineData("llama3_rope")]
    [InlineData("llama_bnb_nf4_dq_float32")]
    [InlineData("mistral_swa")]
    [InlineData("qwen3")]
    [InlineData("gemma2")]
    [InlineData("phi3_partial_rotary")]
    [InlineData("gpt2")]
    [InlineData("mixtral")]
    public void Logits_loss_and_gradients_are_those_recorded(string name)
    {
        using var golden = GoldenModel.Open(name, "config.json", _backend);
        AllPass(golden, new VerificationOptions());
        golden.Model.Adapters.Load(Path.Combine(golden.Folder, "adapter"));
        AllPass(golden, new VerificationOptions { GradientCheckpointing = true });
    }

    [Fact]
    public void A_run_has_the_recorded_losses_norms_and_adapter()
    {
        var run = GoldenRun.Open("qlora_nf4_dq");
        using var file = ModelFile.Open(TestData.Golden($"models/{run.Base}"));
        using var model = RecordedBuilder.Load(file, _backend, run.Quantization);
        model.Adapters.Load(Path.Combine(run.Folder, "initial"));
        using var trainer = new Trainer(model, run.Data(), run.Options);
        GoldenRunTests.Check(run.Steps, trainer, lossTolerance: 1e-3);
        GoldenRunTests.AdapterIs(Path.Combine(run.Folder, "final"), model, 0.01);
    }

    /// <summary>The two backends round differently in thirty blocks, and every step starts from where the one before led.</summary>
    [Fact]
    public void Five_steps_of_SmolLM2_have_the_losses_that_they_have_on_the_processor()
    {
        using var processor = new CpuBackend();
        var (expected, actual) = (Steps(processor), Steps(_backend));
        Assert.Equal(5, actual.Count);
        foreach (var (on, off) in actual.Zip(expected)) Assert.Equal(off.Loss, on.Loss, 1e-3);
    }

    public void Dispose() => _backend.Dispose();

    private static void AllPass(GoldenModel golden, VerificationOptions options) =>
        Assert.All(Verifier.Verify(golden.Model, golden.Reference, options).Checks, check => Assert.True(check.Passed, check.ToString()));

    private static List<StepMetrics> Steps(Backend backend)
    {
        var folder = TestData.Golden("smollm2");
        using var golden = SafetensorsFile.Open(Path.Combine(folder, "golden.safetensors"));
        var rows = GoldenRun.Rows(
            golden.ReadIntegers("train.input_ids"), golden.ReadIntegers("train.attention_mask"), golden.ReadIntegers("train.labels"), golden.Tensors["train.input_ids"].Shape[1]);
        using var file = ModelFile.Open(TestData.Shared("models/SmolLM2-135M-Instruct-GGUF/SmolLM2-135M-Instruct.Q4_1.gguf"));
        using var model = file.Load(backend);
        model.Adapters.Load(Path.Combine(folder, "train_initial"));
        using var trainer = new Trainer(model, Dataset.Of("recorded conversations", rows), new TrainingOptions { BatchSize = 1, MaxSteps = 5, Shuffle = false });
        var seen = new StepList();
        trainer.Run(seen);
        return seen.Steps;
    }

    private static GpuDevice Open()
    {
        if (GpuDevices.List().FirstOrDefault(device => device.Kind != GpuDeviceKind.Emulation) is { } device) return GpuDevice.Open(device.Name);
        const string Missing = "no OpenCL device was found; the packages pocl-opencl-icd and ocl-icd-opencl-dev bring one";
        if (Environment.GetEnvironmentVariable("QLORA_REQUIRE_SHARED") is not null) Assert.Fail(Missing);
        Assert.Skip(Missing);
        throw new InvalidOperationException("not reached");
    }
}
