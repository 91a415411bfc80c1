using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>Has one queue of a device wait for another, by an event on the device: the host does not wait. ILGPU has no call for it.</summary>
internal abstract class QueueOrder : IDisposable
{
    /// <summary>That of a device; null for one whose calls return when all is done, as the emulation's do: there is nothing to wait for.</summary>
    public static QueueOrder? Of(Accelerator accelerator) => accelerator switch
    {
        CudaAccelerator cuda => new CudaQueueOrder(cuda),
        CLAccelerator => new OpenClQueueOrder(),
        _ => null,
    };

    /// <summary>What is queued on <paramref name="waiting"/> from now on begins when all is done that was queued on <paramref name="awaited"/> until now.</summary>
    /// <exception cref="AcceleratorException">The driver refuses.</exception>
    public abstract void Wait(AcceleratorStream waiting, AcceleratorStream awaited);

    /// <summary>Gives the event back.</summary>
    public virtual void Dispose() { }
}
