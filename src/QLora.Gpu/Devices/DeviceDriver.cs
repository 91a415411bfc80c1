using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;

namespace QLora.Gpu;

/// <summary>A driver that brings devices, as ILGPU asks it.</summary>
/// <param name="name">What the names of its devices begin with.</param>
internal abstract class DeviceDriver(string name)
{
    /// <summary>What the names of its devices begin with.</summary>
    public string Name => name;

    /// <summary>That it is not there.</summary>
    public abstract string Missing { get; }

    /// <summary>What to do where it is not there or does not work.</summary>
    public abstract string Advice { get; }

    /// <summary>A context with its devices, which the caller disposes.</summary>
    public Context NewContext() => Context.Create(builder =>
    {
        AddDevices(builder);
        Configure(builder);
    });

    /// <summary>The devices that it has brought; where there are none, ILGPU adds an emulation of its own to a context.</summary>
    public abstract IReadOnlyList<Device> DevicesOf(Context context);

    /// <summary>What kind of device one of its devices is.</summary>
    public abstract GpuDeviceKind KindOf(Device device);

    /// <summary>Why it has no device, where it is there and should have one: ILGPU passes over what goes wrong. Null when it is not there.</summary>
    public abstract string? Complaint();

    /// <summary>How kernels are compiled: everything is inlined, and at O2 every pointer is known to be to global or to group memory, which OpenCL demands (see <see cref="GenericAddressSpace"/>).</summary>
    public static void Configure(Context.Builder builder) => builder.EnableAlgorithms().Optimize(OptimizationLevel.O2).Inlining(InliningMode.Aggressive);

    /// <summary>Asks for its devices.</summary>
    protected abstract void AddDevices(Context.Builder builder);
}
