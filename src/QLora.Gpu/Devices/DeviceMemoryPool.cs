using ILGPU;
using ILGPU.Runtime;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Gpu;

/// <summary>Memory of one device within a budget, in regions that are taken and given back whole: a device takes long to do either.</summary>
/// <param name="accelerator">The device.</param>
/// <param name="budget">The most that the pool may hold, in bytes.</param>
internal sealed class DeviceMemoryPool(Accelerator accelerator, long budget) : MemoryPool
{
    private readonly Stack<PooledMemory> _spare = []; // to be lent with another block, so that a step makes no objects
    private long _held;

    /// <summary>Regions that the device gave so far.</summary>
    public int RegionsTaken { get; private set; }

    /// <summary>The most that it may hold, in bytes.</summary>
    public long Budget => budget;

    /// <inheritdoc/>
    protected override MemoryRegion AddRegion(long length, long inUse)
    {
        if (length > budget - _held) RemoveIdleRegions();
        if (length > budget - _held) throw OutOfMemory(length, inUse, null);
        var memory = TryAllocate(Math.Min(Math.Max(RegionBytes, length), budget - _held), out _);
        if (memory is null)
        {
            RemoveIdleRegions();
            memory = TryAllocate(length, out var cause) ?? throw OutOfMemory(length, inUse, cause);
        }

        _held += memory.Length;
        RegionsTaken++;
        return new DeviceRegion(memory);
    }

    /// <inheritdoc/>
    protected override void FreeRegion(MemoryRegion region)
    {
        var memory = ((DeviceRegion)region).Memory;
        _held -= memory.Length;
        memory.Dispose();
    }

    /// <inheritdoc/>
    protected override DeviceBuffer Lend(Block block, long bytes)
    {
        lock (_spare) return (_spare.TryPop(out var spare) ? spare : new PooledMemory(this)).With(block, bytes);
    }

    private MemoryBuffer1D<byte, Stride1D.Dense>? TryAllocate(long bytes, out Exception? cause)
    {
        try
        {
            cause = null;
            return accelerator.Allocate1D<byte>(bytes);
        }
        catch (AcceleratorException refused) when (DriverFailure.IsOutOfMemory(refused))
        {
            cause = refused;
            return null;
        }
    }

    private DeviceMemoryException OutOfMemory(long bytes, long inUse, Exception? cause) => new(
        $"out of memory on {accelerator.Name}: asked for {bytes:N0} bytes with {inUse:N0} of {budget:N0} bytes in use; "
        + "a smaller --max-length or --batch-size, or --gradient-checkpointing true or offload, needs less", cause);

    /// <summary>A region that is one page: it comes and goes whole.</summary>
    private sealed class DeviceRegion(MemoryBuffer1D<byte, Stride1D.Dense> memory) : MemoryRegion(0, memory.Length, memory.Length)
    {
        public MemoryBuffer1D<byte, Stride1D.Dense> Memory => memory;
    }

    private sealed class PooledMemory(DeviceMemoryPool pool) : DeviceMemory
    {
        private Block? _block;
        private long _bytes;

        public override long Bytes => _bytes;

        public override ArrayView<byte> View => _block is { } block
            ? ((DeviceRegion)block.Region).Memory.View.BaseView.SubView(block.Start, _bytes)
            : throw new ObjectDisposedException(nameof(DeviceMemory));

        public PooledMemory With(Block block, long bytes)
        {
            (_block, _bytes) = (block, bytes);
            return this;
        }

        public override void Dispose()
        {
            if (_block is not { } block) return;
            _block = null;
            Loan++;
            pool.GiveBack(block);
            lock (pool._spare) pool._spare.Push(this);
        }
    }
}
