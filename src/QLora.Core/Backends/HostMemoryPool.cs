using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>A pool of native memory.</summary>
internal unsafe class HostMemoryPool : MemoryPool
{
    private readonly Stack<PooledBuffer> _spare = []; // to be lent with another block, so that a step makes no objects

    protected override MemoryRegion AddRegion(long length, long inUse)
    {
        var bytes = PagedRegion(length);
        try
        {
            return NewRegion((nint)NativeMemory.AlignedAlloc((nuint)bytes, MemoryRegion.PageBytes), bytes);
        }
        catch (OutOfMemoryException cause)
        {
            throw new QLoraException($"out of memory: asked for {bytes:N0} bytes with {inUse:N0} bytes in use; "
                + "a smaller --max-length or --batch-size, or --gradient-checkpointing true, needs less", cause);
        }
    }

    protected override void FreeRegion(MemoryRegion region) => NativeMemory.AlignedFree((void*)region.Address);

    /// <summary>Makes a region of memory that the system gave.</summary>
    protected virtual MemoryRegion NewRegion(nint address, long bytes)
    {
        LinuxPages.MakeLarge((void*)address, bytes);
        return new HostRegion(address, bytes);
    }

    protected override DeviceBuffer Lend(Block block, long bytes)
    {
        lock (_spare) return (_spare.TryPop(out var spare) ? spare : new PooledBuffer(this)).With(block, bytes);
    }

    private sealed class HostRegion(nint address, long bytes) : MemoryRegion(address, bytes)
    {
        protected override void Populate(nint start, long length) => LinuxPages.MakeResident((void*)start, length);

        protected override void Release(nint start, long length) => LinuxPages.Release((void*)start, length);
    }

    private sealed class PooledBuffer(HostMemoryPool pool) : HostBuffer
    {
        private Block _block;
        private long _bytes;
        private nint _address;

        public override long Bytes => _bytes;

        public override byte* Pointer => _address != 0 ? (byte*)_address : throw new ObjectDisposedException(nameof(HostBuffer));

        public PooledBuffer With(Block block, long bytes)
        {
            (_block, _bytes, _address) = (block, bytes, block.Address);
            return this;
        }

        public override void Dispose()
        {
            if (Interlocked.Exchange(ref _address, 0) == 0) return;
            Loan++;
            pool.GiveBack(_block);
            lock (pool._spare) pool._spare.Push(this);
        }
    }
}
