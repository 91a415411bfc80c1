using System.Runtime.InteropServices;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace QLora.Gpu;

/// <summary>By an event of CUDA. A wait is for the event as it was last recorded when the wait was queued, so that one event serves any number of waits after one another.</summary>
internal sealed unsafe class CudaQueueOrder : QueueOrder
{
    private readonly CudaAccelerator _accelerator;
    private readonly delegate* unmanaged<nint, nint, uint, CudaError> _streamWaitEvent; // which ILGPU does not call
    private readonly nint _event;

    public CudaQueueOrder(CudaAccelerator accelerator)
    {
        _accelerator = accelerator;
        var driver = NativeLibrary.Load(OperatingSystem.IsWindows() ? "nvcuda" : "libcuda.so.1"); // which ILGPU has loaded: by this name it is found wherever it lies
        _streamWaitEvent = (delegate* unmanaged<nint, nint, uint, CudaError>)NativeLibrary.GetExport(driver, "cuStreamWaitEvent");
        using var binding = accelerator.BindScoped();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.CreateEvent(out _event, CudaEventFlags.CU_EVENT_DISABLE_TIMING));
    }

    /// <inheritdoc/>
    public override void Wait(AcceleratorStream waiting, AcceleratorStream awaited)
    {
        using var binding = _accelerator.BindScoped();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.RecordEvent(_event, ((CudaStream)awaited).StreamPtr));
        CudaException.ThrowIfFailed(_streamWaitEvent(((CudaStream)waiting).StreamPtr, _event, 0));
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        using var binding = _accelerator.BindScoped();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.DestroyEvent(_event));
    }
}
