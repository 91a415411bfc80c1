using QLora.Gpu;

[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)] // one test after another: they share the devices

namespace QLora.Tests.Backends.Gpu;

/// <summary>The devices that the suite runs on: all that there are. Each is opened once, and its kernels are compiled by the first test that needs them.</summary>
internal static class Devices
{
    // What the emulation does in a second or two: its lanes are threads, which meet at every barrier.
    private const int LargestWorkspaceOfEmulation = 8 << 10;

    public static readonly Device[] All = [.. GpuDevices.List().Select(Of)];

    private static Device Of(GpuDeviceInfo info)
    {
        var device = new Lazy<GpuDevice>(() => GpuDevice.Open(info.Name));
        return new Device(info.Name, () => new GpuBackend(device.Value), info.Kind == GpuDeviceKind.Emulation ? LargestWorkspaceOfEmulation : long.MaxValue);
    }
}
