using QLora.Autograd;
using QLora.Backends;
using QLora.Checkpoints;
using QLora.Cpu;
using QLora.Data;
using QLora.Gpu;
using QLora.Models;
using QLora.Tests.Training;
using QLora.Training;

namespace QLora.Tests.Models;

/// <summary>
/// Every recorded model and run with the kernels of the GPU, as on the other backends and at their tolerances. They run on the first device that is not emulated: a GPU, or a processor
/// with an OpenCL driver.
/// </summary>
public sealed class GpuGoldenTests : IDisposable
{
    private static readonly Lazy<GpuDevice> Device = new(Open); // its kernels are compiled once

    private readonly GpuBackend _backend = new(Device.Value);

    public static TheoryData<string> WithAdapter => [.. ModelGoldenTests.WithAdapter];

    public static TheoryData<string> Sharded => [.. ModelGoldenTests.Sharded];

    [Theory, MemberData(nameof(WithAdapter))]
    public void Logits_loss_and_gradients_are_those_recorded(string name)
    {
        using var golden = GoldenModel.Open(name, "config.json", _backend);
        ModelGoldenTests.IsAsRecorded(golden);
        ModelGoldenTests.WithAdapterIsAsRecorded(golden, GradientCheckpointing.None, GradientCheckpointing.Recompute);
    }

    [Theory, MemberData(nameof(Sharded))]
    public void Half_precision_in_several_files_gives_the_recorded_logits_and_loss(string name)
    {
        using var golden = GoldenModel.Open(name, "config.json", _backend);
        ModelGoldenTests.IsAsRecorded(golden);
    }

    [Theory]
    [InlineData("llama"), InlineData("llama_bnb_nf4_dq_float32"), InlineData("mistral_swa"), InlineData("gemma2"), InlineData("gpt2"), InlineData("qwen3_moe")]
    public void In_bfloat16_they_are_near_those_recorded(string name) => BFloat16Tests.IsNearWhatIsRecorded(name, _backend);

    [Theory]
    [InlineData("lora_fp32", GradientCheckpointing.None), InlineData("qlora_nf4_dq", GradientCheckpointing.None), InlineData("qlora_nf4_dq", GradientCheckpointing.Recompute)]
    [InlineData("qlora_nf4_dq", GradientCheckpointing.Offload), InlineData("qlora_fp4", GradientCheckpointing.None), InlineData("rslora", GradientCheckpointing.Recompute), InlineData("adamw8bit", GradientCheckpointing.None)]
    public void A_run_has_the_recorded_losses_norms_and_adapter(string name, GradientCheckpointing checkpointing) => GoldenRunTests.IsAsRecorded(name, _backend, checkpointing);

    [Theory]
    [InlineData("lora_fp32"), InlineData("qlora_nf4_dq"), InlineData("rslora"), InlineData("adamw8bit")]
    public void A_run_in_bfloat16_stays_near_the_one_recorded(string name) => GoldenRunTests.IsNearInBFloat16(name, _backend);

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
