using System.Runtime.InteropServices;
using QLora.Backends.Planning;
using QLora.Backends.Reference;
using QLora.Cpu;
using QLora.Gpu;

namespace QLora.Backends;

/// <summary>What there is to run on, by the names that the command line uses.</summary>
public static class Devices
{
    /// <summary>The name of the fastest device: an NVIDIA GPU, else another one with an OpenCL driver, else the processor.</summary>
    public const string Auto = "auto";

    /// <summary>The name of the processor, with its vectors.</summary>
    public const string Cpu = "cpu";

    private const string Reference = "reference";

    // What a GPU of any kind leaves here on Linux (the last two: WSL, Arm). Drivers are only asked where there is one: PoCL's takes half a second and 100 MB to say no.
    private static readonly string[] GpuNodes = ["/dev/nvidiactl", "/dev/dri", "/dev/kfd", "/dev/dxg", "/dev/mali0"];

    private static readonly Lazy<string> Fastest = new(FastestOne); // opens it, which takes long

    /// <summary>The names that <see cref="Open"/> knows.</summary>
    public static IReadOnlyList<string> Names { get; } = [Auto, Cpu, Reference, "cuda:N", "opencl:N", GpuDevices.Emulation];

    /// <summary>Opens a device. The caller disposes it.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="threads">Threads of a device that has more than one, at least 1; one per core when null.</param>
    /// <param name="memory">The most memory of a GPU that may be taken, in bytes; all that it has when null. A backend in the memory of the process has no such limit.</param>
    /// <exception cref="QLoraException">There is no such device (the message lists those that exist), or the number of threads is out of range.</exception>
    public static Backend Open(string name, int? threads = null, long? memory = null)
    {
        if (threads is < 1 or > 1024) throw new QLoraException($"--threads is {threads}, expected 1 to 1024");
        var device = Resolve(name);
        if (device == Reference && threads > 1) throw new QLoraException($"device {Reference} runs on one thread; leave --threads out");
        if (GpuDevices.IsName(device) && threads is not null) throw new QLoraException($"device {device} has no threads to choose; leave --threads out");
        return device switch
        {
            Cpu => new CpuBackend(threads),
            Reference => new ReferenceBackend(),
            _ => GpuBackend.Open(device, memory),
        };
    }

    /// <summary>The name that <see cref="Open"/> knows, as it stands or with <c>auto</c> replaced by what it means here.</summary>
    /// <exception cref="QLoraException">It is no name of a device.</exception>
    public static string Resolve(string name)
    {
        if (name == Auto) return Fastest.Value;
        return IsName(name) ? name : throw new QLoraException($"there is no device '{name}'; there are {string.Join(", ", Names)}");
    }

    /// <summary>What a run on a GPU takes for itself; it need not be there. Null for a device in the memory of the process, which is opened to say so.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="memory">How much of its memory may be used, in bytes.</param>
    /// <exception cref="QLoraException">It is no name of a device.</exception>
    public static OpWorkspaces? WorkspacesOf(string name, long memory) => Resolve(name) is var device && GpuDevices.IsName(device) ? GpuBackend.WorkspacesOf(device, memory) : null;

    /// <summary>Whether a name is one of a GPU, with memory of its own; it need not be there.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="QLoraException">It is no name of a device.</exception>
    public static bool HasOwnMemory(string name) => GpuDevices.IsName(Resolve(name));

    /// <summary>All memory of a device, in bytes; null when it is not there.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="QLoraException">It is no name of a device.</exception>
    public static long? MemoryOf(string name) => Resolve(name) is var device && GpuDevices.IsName(device)
        ? GpuDevices.List().FirstOrDefault(found => found.Name == (device.Contains(':') || device == GpuDevices.Emulation ? device : $"{device}:0"))?.MemoryBytes
        : AvailableMemory();

    /// <summary>Whether a name is one that <see cref="Open"/> knows; there need not be such a device.</summary>
    public static bool IsName(string name) => name is Auto or Cpu or Reference || GpuDevices.IsName(name);

    /// <summary>The devices of this machine that can be used: GPUs, the processor, and what is for tests.</summary>
    /// <exception cref="QLoraException">The environment asks for vectors that the machine does not have.</exception>
    public static IReadOnlyList<DeviceInfo> List() => List(out _);

    /// <summary>The devices of this machine that can be used: GPUs, the processor, and what is for tests.</summary>
    /// <param name="unusable">GPUs that cannot be opened, and drivers that do not work.</param>
    /// <exception cref="QLoraException">The environment asks for vectors that the machine does not have.</exception>
    public static IReadOnlyList<DeviceInfo> List(out IReadOnlyList<UnusableDevice> unusable)
    {
        var found = GpuDevices.List(out var drivers);
        UnusableDevice[] failures = [.. found.Where(IsGpu).Select(device => GpuDevices.Try(device.Name)).OfType<UnusableDevice>()];
        var usable = found.Where(device => failures.All(failure => failure.Name != device.Name)).ToList();
        DeviceInfo[] devices = [.. usable.Where(IsGpu).Select(Describe), Processor(), Scalar(), .. usable.Where(device => !IsGpu(device)).Select(Describe)];
        devices[0] = devices[0] with { IsDefault = true };
        unusable = [.. failures, .. drivers];
        return devices;
    }

    /// <summary>What <see cref="List()"/> says of the device that a backend runs on; no other is asked.</summary>
    public static DeviceInfo Describe(Backend backend) => backend.Name switch
    {
        Cpu => Processor(),
        Reference => Scalar(),
        var name => Describe(GpuDevices.List().Single(device => device.Name == name)),
    };

    private static string FastestOne()
    {
        if (OperatingSystem.IsLinux() && !GpuNodes.Any(Path.Exists)) return Cpu;
        return FirstUsable(GpuDevices.List().Where(IsGpu).Select(device => device.Name), GpuDevices.Try);
    }

    /// <summary>The first GPU that can be opened, else the processor.</summary>
    internal static string FirstUsable(IEnumerable<string> gpus, Func<string, UnusableDevice?> attempt) => gpus.FirstOrDefault(gpu => attempt(gpu) is null) ?? Cpu;

    private static bool IsGpu(GpuDeviceInfo device) => device.Kind is GpuDeviceKind.Cuda or GpuDeviceKind.OpenClGpu;

    private static DeviceInfo Describe(GpuDeviceInfo device) => new(device.Name, device.Description, null, null, device.MemoryBytes);

    private static DeviceInfo Processor() => new(Cpu, ProcessorName(), Environment.ProcessorCount, (int)VectorWidths.Chosen(), AvailableMemory());

    private static DeviceInfo Scalar() => new(Reference, "scalar, the definition that the others are tested against; slow", 1, null, AvailableMemory());

    /// <summary>What the process may use: the limit of a container where there is one.</summary>
    private static long AvailableMemory() => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private static string ProcessorName()
    {
        const string Information = "/proc/cpuinfo";
        if (!File.Exists(Information)) return $"{RuntimeInformation.ProcessArchitecture} processor";
        var line = File.ReadLines(Information).FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal));
        return line?[(line.IndexOf(':') + 1)..].Trim() ?? $"{RuntimeInformation.ProcessArchitecture} processor";
    }
}
