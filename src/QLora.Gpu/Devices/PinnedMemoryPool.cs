using ILGPU.Runtime;
using QLora.Backends;

namespace QLora.Gpu;

/// <summary>A pool of page-locked memory of the host, which a device copies to and from while it does something else. Regions come and go whole: locking pages takes long.</summary>
/// <param name="accelerator">The device.</param>
internal sealed class PinnedMemoryPool(Accelerator accelerator) : HostMemoryPool
{
    /// <inheritdoc/>
    protected override MemoryRegion NewRegion(nint address, long bytes)
    {
        using var binding = accelerator.BindScoped(); // ILGPU locks for the device that the thread has in use
        try
        {
            return new PinnedRegion(accelerator.CreatePageLockFromPinned<byte>(address, bytes), address, bytes);
        }
        catch (AcceleratorException refused)
        {
            base.FreeRegion(new MemoryRegion(address, bytes));
            throw new DeviceMemoryException($"the driver of {accelerator.Name} cannot lock {bytes:N0} bytes of the host's memory ({DriverFailure.Describe(refused)}); "
                + "a smaller --max-length or --batch-size needs less, and --gradient-checkpointing true with an --optimizer that is not paged needs none", refused);
        }
    }

    /// <inheritdoc/>
    protected override void FreeRegion(MemoryRegion region)
    {
        ((PinnedRegion)region).Lock.Dispose();
        base.FreeRegion(region);
    }

    private sealed class PinnedRegion(PageLockScope<byte> pageLock, nint address, long bytes) : MemoryRegion(address, bytes, bytes)
    {
        public PageLockScope<byte> Lock => pageLock;
    }
}
