using QLora.Gpu;

[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)] // one test after another: they share the devices

namespace QLora.Tests.Backends.Gpu;

/// <summary>The devices that the suite runs on: all that there are. Each is opened once, and its kernels are compiled by the first test that needs them.</summary>
internal static class Devices
{
    // What the emulation does in a second or two: its lanes are threads, which meet at every barrier.
    private const int LargestWorkspaceOfEmulation = 8 << 10;

    private static readonly (GpuDeviceInfo Info, Lazy<GpuDevice> Device)[] Opened =
        [.. GpuDevices.List().Select(info => (info, new Lazy<GpuDevice>(() => GpuDevice.Open(info.Name))))];

    public static readonly Device[] All = [.. Opened.Select(opened => New(opened.Info, "", () => new GpuBackend(opened.Device.Value)))];

    /// <summary>All of them twice, with either way of 4-bit products, whichever they would choose.</summary>
    public static readonly Device[] BothWays =
    [
        .. Opened.SelectMany(opened => new[] { (Way: "on the way", OperationsPerByte: double.PositiveInfinity), (Way: "before", OperationsPerByte: double.NegativeInfinity) }
            .Select(choice => New(opened.Info, $", weights decoded {choice.Way}",
                () => new GpuBackend(opened.Device.Value) { Products = ProductChoice.Of(opened.Device.Value.Accelerator, long.MaxValue) with { OperationsPerByte = choice.OperationsPerByte } }))),
    ];

    private static Device New(GpuDeviceInfo info, string way, Func<GpuBackend> open) =>
        new(info.Name + way, open, info.Kind == GpuDeviceKind.Emulation ? LargestWorkspaceOfEmulation : long.MaxValue);
}
