using System.Collections.Concurrent;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace QLora.Gpu;

/// <summary>A device with its kernels: each is compiled once, when it is first launched, and kept. Backends on one device share them.</summary>
public sealed class GpuDevice : IDisposable
{
    // Lanes of ILGPU's processor device are threads of the system, and each barrier wakes them all.
    private const int GroupSizeOfProcessor = 8;
    private const int LargestGroup = 256;

    private readonly Context _context;
    private readonly ConcurrentDictionary<Delegate, Delegate> _launchers = new();

    internal GpuDevice(string name, Context context, Accelerator accelerator)
    {
        Name = name;
        _context = context;
        Accelerator = accelerator;
        GroupSize = accelerator is CPUAccelerator ? GroupSizeOfProcessor : Math.Min(LargestGroup, accelerator.MaxNumThreadsPerGroup);
    }

    /// <summary>The name that it was opened by.</summary>
    public string Name { get; }

    /// <summary>What it can do.</summary>
    internal Accelerator Accelerator { get; }

    /// <summary>Lanes of a group that works on elements or on a row: a power of two, at most <see cref="Kernels.Reduction.LargestGroup"/>.</summary>
    internal int GroupSize { get; }

    /// <summary>Opens a device by its name. The caller disposes it after the backends on it.</summary>
    /// <param name="name"><c>cuda:N</c>, <c>opencl:N</c> or <c>ilgpu-cpu</c>.</param>
    /// <exception cref="QLoraException">There is no such device, or its driver does not work; the message says what to do.</exception>
    public static GpuDevice Open(string name) => GpuDevices.Open(name);

    /// <summary>What launches a kernel: a delegate whose first two parameters are the stream and the grid, and the others those of the kernel.</summary>
    /// <exception cref="QLoraException">The device's compiler refuses the kernel.</exception>
    internal TLauncher Launcher<TLauncher>(Delegate kernel) where TLauncher : Delegate =>
        (TLauncher)_launchers.GetOrAdd(kernel, static (kernel, accelerator) => Load<TLauncher>(kernel, accelerator), Accelerator);

    /// <summary>Frees the kernels and the device.</summary>
    public void Dispose()
    {
        Accelerator.Dispose();
        _context.Dispose();
    }

    private static TLauncher Load<TLauncher>(Delegate kernel, Accelerator accelerator) where TLauncher : Delegate
    {
        try
        {
            return accelerator.LoadKernel(kernel.Method).CreateLauncherDelegate<TLauncher>();
        }
        catch (Exception cause) when (cause is InternalCompilerException or AcceleratorException or NotSupportedException)
        {
            throw new QLoraException($"{accelerator.Name} cannot run the kernel {kernel.Method.DeclaringType?.Name}.{kernel.Method.Name} ({cause.Message}); "
                + "a newer driver may, and --device cpu does without one", cause);
        }
    }
}
