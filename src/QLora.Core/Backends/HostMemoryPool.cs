using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>A pool of native memory, 64-byte aligned.</summary>
internal sealed unsafe class HostMemoryPool : MemoryPool
{
    protected override nint AllocateBlock(long capacity, long bytes, long inUse)
    {
        try
        {
            var address = NativeMemory.AlignedAlloc((nuint)capacity, (nuint)(capacity >= LinuxPages.LargePage ? LinuxPages.LargePage : Alignment));
            LinuxPages.MakeResident(address, bytes);
            return (nint)address;
        }
        catch (OutOfMemoryException cause)
        {
            throw new QLoraException($"out of memory: asked for {capacity:N0} bytes with {inUse:N0} bytes in use; "
                + "a smaller --max-length or --batch-size, or --gradient-checkpointing true, needs less", cause);
        }
    }

    protected override void FreeBlock(nint address) => NativeMemory.AlignedFree((void*)address);

    protected override DeviceBuffer Lend(Block block, long bytes) => new PooledBuffer(this, block, bytes);

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
