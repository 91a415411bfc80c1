using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
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

    private static readonly CudaDriver Cuda = new();
    private static readonly DeviceDriver[] Drivers = [Cuda, new OpenClDriver()];

    /// <summary>All of them, those of CUDA first; without drivers there is the emulation alone.</summary>
    public static IReadOnlyList<GpuDeviceInfo> List() => List(out _);

    /// <summary>All of them, those of CUDA first; without drivers there is the emulation alone.</summary>
    /// <param name="unusable">Drivers that are there and do not work.</param>
    public static IReadOnlyList<GpuDeviceInfo> List(out IReadOnlyList<UnusableDevice> unusable) => List(Drivers, out unusable);

    internal static IReadOnlyList<GpuDeviceInfo> List(IEnumerable<DeviceDriver> drivers, out IReadOnlyList<UnusableDevice> unusable)
    {
        List<GpuDeviceInfo> devices = [];
        List<UnusableDevice> failures = [];
        foreach (var driver in drivers)
        {
            try
            {
                using var context = driver.NewContext();
                var found = driver.DevicesOf(context);
                devices.AddRange(found.Select((device, i) => new GpuDeviceInfo($"{driver.Name}:{i}", driver.KindOf(device), device.Name, device.MemorySize, device.NumMultiprocessors)));
                if (found.Count == 0 && driver.Complaint() is { } complaint) failures.Add(new UnusableDevice(driver.Name, $"{complaint}; {driver.Advice}"));
            }
            catch (Exception failure) when (DriverFailure.IsOne(failure))
            {
                failures.Add(new UnusableDevice(driver.Name, $"{DriverFailure.Describe(failure)}; {driver.Advice}"));
            }
        }

        devices.Add(new GpuDeviceInfo(Emulation, GpuDeviceKind.Emulation, "emulation of a GPU on threads, for tests; very slow", GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, 1));
        unusable = failures;
        return devices;
    }

    /// <summary>Why a device cannot be opened, and what to do; null when it can.</summary>
    public static UnusableDevice? Try(string name)
    {
        try
        {
            Open(name).Dispose();
            return null;
        }
        catch (QLoraException failure)
        {
            return new UnusableDevice(name, failure.Message);
        }
    }

    /// <summary>Whether a name is one of a device of this kind, whether or not there is such a device.</summary>
    public static bool IsName(string name) => name == Emulation || DriverOf(name, out _) is not null;

    /// <summary>Whether it is the name of an NVIDIA GPU.</summary>
    internal static bool IsCuda(string name) => DriverOf(name, out _) == Cuda;

    internal static GpuDevice Open(string name)
    {
        if (name == Emulation)
        {
            var emulation = NewEmulation();
            return new GpuDevice(name, emulation, emulation.GetCPUDevice(0).CreateAccelerator(emulation));
        }

        var driver = DriverOf(name, out var index) ?? throw new QLoraException($"'{name}' is no device; expected {string.Join(", ", Drivers.Select(driver => $"{driver.Name}:N"))} or {Emulation}");
        return Open(driver, name, index);
    }

    internal static GpuDevice Open(DeviceDriver driver, string name, int index)
    {
        Context? context = null;
        try
        {
            context = driver.NewContext();
            var found = driver.DevicesOf(context);
            if (index < found.Count)
            {
                if (found[index] is CLDevice openCl) GenericAddressSpace.Assume(openCl);
                return new GpuDevice(name, context, found[index].CreateAccelerator(context));
            }

            if (found.Count > 0) throw new QLoraException($"there is no device {name}: {driver.Name} has {found.Count}, from {driver.Name}:0 on; see qlora devices");
            throw new QLoraException($"there is no device {name}: {driver.Complaint() ?? driver.Missing}; {driver.Advice}");
        }
        catch (Exception cause)
        {
            context?.Dispose();
            if (!DriverFailure.IsOne(cause)) throw;
            throw new QLoraException($"device {name} cannot be used: {DriverFailure.Describe(cause)}; its driver may be too old. {driver.Advice}", cause);
        }
    }

    private static Context NewEmulation() => Context.Create(builder =>
    {
        // 64 lanes to a group, as the products need; a warp of 32 as NVIDIA's.
        builder.CPU(new CPUDevice(numThreadsPerWarp: 32, numWarpsPerMultiprocessor: 2, numMultiprocessors: 1));
        DeviceDriver.Configure(builder);
    });

    /// <summary>The driver that a name asks for, and which of its devices; null when it is no name.</summary>
    private static DeviceDriver? DriverOf(string name, out int index)
    {
        var colon = name.IndexOf(':');
        index = 0;
        if (colon >= 0 && !int.TryParse(name.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out index)) return null;
        return Array.Find(Drivers, driver => driver.Name.AsSpan().SequenceEqual(colon < 0 ? name : name.AsSpan(0, colon)));
    }
}
