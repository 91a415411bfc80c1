using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>A pool of native memory.</summary>
internal sealed unsafe class HostMemoryPool : MemoryPool
{
    protected override MemoryRegion AddRegion(long bytes, long inUse)
    {
        try
        {
            var address = NativeMemory.AlignedAlloc((nuint)bytes, MemoryRegion.PageBytes);
            LinuxPages.MakeLarge(address, bytes);
            return new HostRegion((nint)address, bytes);
        }
        catch (OutOfMemoryException cause)
        {
            throw new QLoraException($"out of memory: asked for {bytes:N0} bytes with {inUse:N0} bytes in use; "
                + "a smaller --max-length or --batch-size, or --gradient-checkpointing true, needs less", cause);
        }
    }

    protected override void FreeRegion(MemoryRegion region) => NativeMemory.AlignedFree((void*)region.Address);

    protected override DeviceBuffer Lend(Block block, long bytes) => new PooledBuffer(this, block, bytes);

    private sealed class HostRegion(nint address, long bytes) : MemoryRegion(address, bytes)
    {
        protected override void Populate(nint start, long length) => LinuxPages.MakeResident((void*)start, length);

        protected override void Release(nint start, long length) => LinuxPages.Release((void*)start, length);
    }

    private sealed class PooledBuffer(HostMemoryPool pool, Block block, long bytes) : HostBuffer
    {
        private nint _address = block.Address;

        public override long Bytes => bytes;

        public override byte* Pointer => _address != 0 ? (byte*)_address : throw new ObjectDisposedException(nameof(HostBuffer));

        public override void Dispose()
        {
            if (Interlocked.Exchange(ref _address, 0) != 0) pool.GiveBack(block);
        }
    }
}
