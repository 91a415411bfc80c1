using ILGPU.Runtime;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    public override bool CanOffload => true;

    /// <inheritdoc/>
    public override MemoryStatistics PinnedMemory => _pinned.Statistics;

    /// <inheritdoc/>
    public override void AwaitCopies()
    {
        if (_device.IsLost) return; // whoever gives back what a broken copy was of has been told already
        try
        {
            _copies.Await();
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override DeviceBuffer AllocatePinnedBuffer(long bytes) => _pinned.Allocate(bytes);

    /// <inheritdoc/>
    protected override void OffloadCore(Tensor source, Tensor pinned)
    {
        try
        {
            if (source.Bytes > 0) _copies.Download(Bytes(source), HostAddress(pinned));
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    /// <inheritdoc/>
    protected override void FetchCore(Tensor pinned, Tensor destination)
    {
        try
        {
            if (pinned.Bytes > 0) _copies.Upload(HostAddress(pinned), Bytes(destination));
        }
        catch (AcceleratorException failure)
        {
            throw _device.Lost(failure);
        }
    }

    private static unsafe nint HostAddress(Tensor pinned) => (nint)((HostBuffer)pinned.Buffer).Pointer + (nint)pinned.Offset;
}
