using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace QLora.Gpu;

/// <summary>
/// Copies between a device and page-locked memory of the host, queued and not waited for. ILGPU's own make an object each, wait, or copy as much as the whole host
/// buffer holds, so the drivers are called at once; the emulation's memory is the host's, and nothing on it is under way when a call returns.
/// </summary>
internal static unsafe class HostCopy
{
    /// <summary>device ← host.</summary>
    public static void Upload(AcceleratorStream stream, nint host, ArrayView<byte> device)
    {
        switch (stream)
        {
            case CLStream: Check(CLAPI.CurrentAPI.WriteBuffer(stream, Buffer(device), false, Start(device), (nint)device.Length, host)); break;
            case CudaStream: CopyByCuda(stream, host, device.LoadEffectiveAddressAsPtr(), device.Length); break;
            default: System.Buffer.MemoryCopy((void*)host, (void*)device.LoadEffectiveAddressAsPtr(), device.Length, device.Length); break;
        }
    }

    /// <summary>host ← device.</summary>
    public static void Download(AcceleratorStream stream, ArrayView<byte> device, nint host)
    {
        switch (stream)
        {
            case CLStream: Check(CLAPI.CurrentAPI.ReadBuffer(stream, Buffer(device), false, Start(device), (nint)device.Length, host)); break;
            case CudaStream: CopyByCuda(stream, device.LoadEffectiveAddressAsPtr(), host, device.Length); break;
            default: System.Buffer.MemoryCopy((void*)device.LoadEffectiveAddressAsPtr(), (void*)host, device.Length, device.Length); break;
        }
    }

    private static void CopyByCuda(AcceleratorStream stream, nint source, nint destination, long bytes)
    {
        using var binding = stream.BindScoped();
        CudaException.ThrowIfFailed(CudaAPI.CurrentAPI.MemcpyAsync(destination, source, (nint)bytes, stream));
    }

    private static nint Buffer<TView>(TView view) where TView : IContiguousArrayView => view.Buffer.NativePtr;

    private static nint Start<TView>(TView view) where TView : IContiguousArrayView => (nint)view.IndexInBytes;

    private static void Check(CLError error)
    {
        if (error != CLError.CL_SUCCESS) throw new CLException(error);
    }
}
