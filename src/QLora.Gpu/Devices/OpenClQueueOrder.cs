using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>By an event of OpenCL 1.2. ILGPU has these calls for itself alone.</summary>
internal sealed unsafe partial class OpenClQueueOrder : QueueOrder
{
    private const string Driver = "OpenCL";

    /// <inheritdoc/>
    public override void Wait(AcceleratorStream waiting, AcceleratorStream awaited)
    {
        var (queue, awaitedQueue) = (((CLStream)waiting).CommandQueue, ((CLStream)awaited).CommandQueue);
        nint done;
        CLException.ThrowIfFailed(EnqueueMarker(awaitedQueue, 0, null, &done));
        try
        {
            CLException.ThrowIfFailed(CLAPI.CurrentAPI.FlushCommandQueue(awaitedQueue)); // what was not sent to the device might never be done
            CLException.ThrowIfFailed(EnqueueBarrier(queue, 1, &done, null));
        }
        finally
        {
            _ = ReleaseEvent(done); // the queues hold it as long as they need it
        }
    }

    [LibraryImport(Driver, EntryPoint = "clEnqueueMarkerWithWaitList")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial CLError EnqueueMarker(nint queue, uint count, nint* events, nint* result);

    [LibraryImport(Driver, EntryPoint = "clEnqueueBarrierWithWaitList")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial CLError EnqueueBarrier(nint queue, uint count, nint* events, nint* result);

    [LibraryImport(Driver, EntryPoint = "clReleaseEvent")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial CLError ReleaseEvent(nint released);
}
