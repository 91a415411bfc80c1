using ILGPU;
using ILGPU.Runtime;

namespace QLora.Gpu;

/// <summary>
/// Copies between a device and page-locked memory of the host that go on beside the kernels, one after another on a stream of their own. Each begins when all
/// kernels before it are done, unless it needs none of them; kernels wait for the copies before them where they are told to.
/// </summary>
/// <param name="accelerator">The device.</param>
/// <param name="kernels">The stream of the kernels.</param>
internal sealed class CopyQueue(Accelerator accelerator, AcceleratorStream kernels) : IDisposable
{
    private readonly AcceleratorStream _stream = accelerator.CreateStream();
    private readonly QueueOrder? _order = QueueOrder.Of(accelerator);
    private bool _isAhead; // of the kernels, which have not been told to wait

    /// <summary>Whether copies go on beside kernels; else each is done when its call returns.</summary>
    public bool IsBeside => _order is not null;

    /// <summary>host ← device.</summary>
    public void Download(ArrayView<byte> device, nint host)
    {
        _isAhead = true;
        _order?.Wait(_stream, kernels);
        HostCopy.Download(_stream, device, host);
    }

    /// <summary>device ← host.</summary>
    public void Upload(nint host, ArrayView<byte> device)
    {
        _order?.Wait(_stream, kernels);
        UploadAtOnce(host, device);
    }

    /// <summary>device ← host, whatever the kernels before are doing: none of them may use that memory.</summary>
    public void UploadAtOnce(nint host, ArrayView<byte> device)
    {
        _isAhead = true;
        HostCopy.Upload(_stream, host, device);
    }

    /// <summary>Kernels from now on begin when all copies so far are done.</summary>
    public void Await()
    {
        if (!_isAhead) return;
        _order?.Wait(kernels, _stream);
        _isAhead = false;
    }

    /// <summary>Waits for the copies and gives the stream back.</summary>
    public void Dispose()
    {
        _stream.Synchronize();
        _stream.Dispose();
        _order?.Dispose();
    }
}
