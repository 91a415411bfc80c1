using System.Collections.Concurrent;
using System.Reflection;
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
    private Refusal? _refusal; // the first: ILGPU compiles nothing right after it, and would have other kernels blamed

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

    /// <summary>Whether a call failed for good: nothing works any more, giving back what is held included.</summary>
    internal bool IsLost { get; private set; }

    /// <summary>Opens a device by its name. The caller disposes it after the backends on it.</summary>
    /// <param name="name"><c>cuda:N</c>, <c>opencl:N</c> or <c>ilgpu-cpu</c>.</param>
    /// <exception cref="QLoraException">There is no such device, or its driver does not work; the message says what to do.</exception>
    public static GpuDevice Open(string name) => GpuDevices.Open(name);

    /// <summary>What launches a kernel: a delegate whose first two parameters are the stream and the grid, and the others those of the kernel.</summary>
    /// <exception cref="QLoraException">The device's compiler refuses the kernel.</exception>
    internal TLauncher Launcher<TLauncher>(Delegate kernel) where TLauncher : Delegate =>
        (TLauncher)_launchers.GetOrAdd(kernel, static (kernel, device) => device.Load<TLauncher>(kernel), this);

    /// <summary>What is told of a device whose driver refuses a launch or a copy.</summary>
    internal QLoraException Lost(AcceleratorException cause)
    {
        IsLost = true;
        return new QLoraException($"device {Name} ({Accelerator.Name}) stopped working: {DriverFailure.Describe(cause)}; it may have been reset, removed or taken by another process. "
            + "When qlora devices lists it and a new process can use it again, --resume goes on from the last checkpoint", cause);
    }

    /// <summary>Frees the kernels and the device.</summary>
    public void Dispose()
    {
        if (IsLost) return;
        try
        {
            Accelerator.Dispose();
            _context.Dispose();
        }
        catch (AcceleratorException)
        {
            IsLost = true; // what it holds goes with the process
        }
    }

    private TLauncher Load<TLauncher>(Delegate kernel) where TLauncher : Delegate
    {
        if (_refusal is { } cause) throw Refused(cause);
        try
        {
            return Accelerator.LoadKernel(kernel.Method).CreateLauncherDelegate<TLauncher>();
        }
        catch (Exception failure) when (failure is InternalCompilerException or AcceleratorException or NotSupportedException)
        {
            _refusal = new Refusal(kernel.Method, failure);
            throw Refused(_refusal);
        }
    }

    private QLoraException Refused(Refusal refusal) => new(
        $"{Accelerator.Name} cannot run the kernel {refusal.Kernel.DeclaringType?.Name}.{refusal.Kernel.Name} ({DriverFailure.Describe(refusal.Cause)}); "
        + "a newer driver may, and --device cpu does without one", refusal.Cause);

    /// <summary>A kernel that could not be compiled, and why.</summary>
    private sealed record Refusal(MethodInfo Kernel, Exception Cause);
}
