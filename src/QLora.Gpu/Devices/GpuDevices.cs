using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>What kind of device it is.</summary>
public enum GpuDeviceKind
{
    /// <summary>An NVIDIA GPU.</summary>
    Cuda,
    /// <summary>A GPU with an OpenCL driver.</summary>
    OpenClGpu,
    /// <summary>A processor with an OpenCL driver, such as PoCL: for tests, the SIMD backend is far faster.</summary>
    OpenClProcessor,
    /// <summary>ILGPU's own emulation of a GPU on threads: for tests.</summary>
    Emulation,
}

/// <summary>A device that <see cref="GpuDevice.Open"/> opens.</summary>
/// <param name="Name">The name that it is opened by.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Description">What its driver calls it.</param>
/// <param name="MemoryBytes">All its memory.</param>
/// <param name="Multiprocessors">Units that work apart from each other.</param>
public sealed record GpuDeviceInfo(string Name, GpuDeviceKind Kind, string Description, long MemoryBytes, int Multiprocessors);

/// <summary>The devices that ILGPU finds on this machine.</summary>
public static class GpuDevices
{
    /// <summary>ILGPU's own emulation of a GPU.</summary>
    public const string Emulation = "ilgpu-cpu";

    private const string Cuda = "cuda";
    private const string OpenCl = "opencl";

    /// <summary>All of them, those of CUDA first; without drivers there is the emulation alone.</summary>
    public static IReadOnlyList<GpuDeviceInfo> List()
    {
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        return
        [
            .. Find(Cuda).Select((device, i) => new GpuDeviceInfo($"{Cuda}:{i}", GpuDeviceKind.Cuda, device.Name, device.MemorySize, device.NumMultiprocessors)),
            .. Find(OpenCl).Select((device, i) => new GpuDeviceInfo($"{OpenCl}:{i}",
                ((CLDevice)device).DeviceType == CLDeviceType.CL_DEVICE_TYPE_GPU ? GpuDeviceKind.OpenClGpu : GpuDeviceKind.OpenClProcessor,
                device.Name, device.MemorySize, device.NumMultiprocessors)),
            new GpuDeviceInfo(Emulation, GpuDeviceKind.Emulation, "emulation of a GPU on threads, for tests; very slow", memory, 1),
        ];
    }

    /// <summary>Whether a name is one of a device of this kind, whether or not there is such a device.</summary>
    public static bool IsName(string name) => name == Emulation || TryParse(name, out _, out _);

    /// <summary>Whether it is the name of an NVIDIA GPU.</summary>
    internal static bool IsCuda(string name) => TryParse(name, out var driver, out _) && driver == Cuda;

    internal static GpuDevice Open(string name)
    {
        if (name == Emulation)
        {
            var emulation = NewEmulation();
            return Open(name, emulation, emulation.GetCPUDevice(0));
        }

        if (!TryParse(name, out var driver, out var index)) throw new QLoraException($"'{name}' is no device; expected {Cuda}:N, {OpenCl}:N or {Emulation}");
        var context = NewContext(driver);
        var found = DevicesOf(driver, context);
        if (index < found.Count) return Open(name, context, found[index]);
        context.Dispose();
        throw new QLoraException(found.Count > 0
            ? $"there is no device {name}: {driver} has {found.Count}, from {driver}:0 on; see qlora devices"
            : $"there is no device {name}: " + (driver == Cuda
                ? "no NVIDIA driver was found, or it finds no GPU; nvidia-smi must list one. In a container, it must be started with the GPU (--gpus all)"
                : "no OpenCL driver was found; it needs libOpenCL.so and the driver of the device (an .icd file in /etc/OpenCL/vendors)"));
    }

    private static GpuDevice Open(string name, Context context, Device device)
    {
        try
        {
            if (device is CLDevice openCl) GenericAddressSpace.Assume(openCl);
            return new GpuDevice(name, context, device.CreateAccelerator(context));
        }
        catch (Exception cause) when (cause is AcceleratorException or CapabilityNotSupportedException or NotSupportedException)
        {
            context.Dispose();
            throw new QLoraException($"device {name} ({device.Name}) was found but cannot be used: {DriverFailure.Describe(cause)}; its driver may be too old", cause);
        }
    }

    private static List<Device> Find(string driver)
    {
        using var context = NewContext(driver);
        return DevicesOf(driver, context);
    }

    /// <summary>Those that the driver has brought; where there are none, ILGPU adds an emulation of its own to a context.</summary>
    private static List<Device> DevicesOf(string driver, Context context) => driver == Cuda ? [.. context.GetCudaDevices()] : [.. context.GetCLDevices()];

    private static Context NewContext(string driver) => Context.Create(builder =>
    {
        if (driver == Cuda) builder.Cuda();
        else builder.OpenCL(_ => true);
        Configure(builder);
    });

    private static Context NewEmulation() => Context.Create(builder =>
    {
        // 64 lanes to a group, as the products need; a warp of 32 as NVIDIA's.
        builder.CPU(new CPUDevice(numThreadsPerWarp: 32, numWarpsPerMultiprocessor: 2, numMultiprocessors: 1));
        Configure(builder);
    });

    // Everything is inlined, and at O2 every pointer is known to be to global or to group memory, which OpenCL demands (see GenericAddressSpace).
    private static void Configure(Context.Builder builder) => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive);

    private static bool TryParse(string name, out string driver, out int index)
    {
        var colon = name.IndexOf(':');
        driver = colon < 0 ? name : name[..colon];
        index = 0;
        return driver is Cuda or OpenCl && (colon < 0 || int.TryParse(name.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out index));
    }
}
