using QLora.Autograd;
using QLora.Gpu;
using QLora.Tests.Training;

namespace QLora.Tests.Models;

/// <summary>
/// Recorded models of each kind of attention and the beginning of a run, at the tolerances of the other backends, on ILGPU's emulation of a GPU. Its lanes are threads that meet at every
/// barrier, which takes some 5 µs a lane: a pass of these models takes a second or two. So there is one pass of each kind, and the rest is left to <see cref="GpuGoldenTests"/>.
/// </summary>
public sealed class EmulationGoldenTests : IDisposable
{
    private const int Steps = 6; // three while the learning rate grows, and three after

    private static readonly Lazy<GpuDevice> Device = new(() => GpuDevice.Open(GpuDevices.Emulation)); // its kernels are compiled once

    private readonly GpuBackend _backend = new(Device.Value);

    [Theory]
    [InlineData("llama"), InlineData("llama_bnb_nf4_dq_float32"), InlineData("mistral_swa"), InlineData("gemma2"), InlineData("gpt2"), InlineData("qwen3_moe")]
    public void Logits_loss_and_gradients_are_those_recorded(string name)
    {
        using var golden = GoldenModel.Open(name, "config.json", _backend);
        ModelGoldenTests.WithAdapterIsAsRecorded(golden, GradientCheckpointing.None);
    }

    [Fact]
    public void A_run_begins_with_the_recorded_losses_and_norms() => GoldenRunTests.BeginsAsRecorded("qlora_nf4_dq", _backend, Steps);

    public void Dispose() => _backend.Dispose();
}
