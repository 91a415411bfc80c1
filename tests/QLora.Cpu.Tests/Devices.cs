using QLora.Cpu;

namespace QLora.Tests.Backends.Cpu;

/// <summary>Every vector width that this machine has, on one thread and on two.</summary>
internal static class Devices
{
    public static readonly Device[] All =
    [
        .. from width in VectorWidths.Supported
           from threads in new[] { 1, 2 }
           select new Device($"{width}, {threads} threads", () => new CpuBackend(threads, width)),
    ];
}
