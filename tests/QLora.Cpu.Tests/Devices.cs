using QLora.Cpu;

namespace QLora.Tests.Backends.Cpu;

internal static class Devices
{
    /// <summary>Every vector width that this machine has, on one thread and on two.</summary>
    public static readonly Device[] All = Of(machineCode: true);

    /// <summary>The same for products, whose code is another where machine code is forbidden.</summary>
    public static readonly Device[] WithAndWithoutMachineCode = [.. All, .. Of(machineCode: false)];

    private static Device[] Of(bool machineCode) =>
    [
        .. from width in VectorWidths.Supported
           where machineCode || width == VectorWidth.Vector512
           from threads in new[] { 1, 2 }
           select new Device($"{width}, {(machineCode ? "" : "no machine code, ")}{threads} threads", () => new CpuBackend(threads, width, machineCode)),
    ];
}
