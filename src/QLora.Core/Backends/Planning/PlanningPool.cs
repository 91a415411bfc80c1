using QLora.Tensors;

namespace QLora.Backends.Planning;

/// <summary>A pool of blocks that are not there: it counts as one of real memory does, by the same code.</summary>
/// <param name="wholeRegions">Whether regions come and go whole, as those of a GPU.</param>
internal sealed class PlanningPool(bool wholeRegions) : MemoryPool
{
    protected override MemoryRegion AddRegion(long length, long inUse)
    {
        var bytes = PagedRegion(length);
        return new MemoryRegion(0, bytes, wholeRegions ? bytes : MemoryRegion.PageBytes);
    }

    protected override void FreeRegion(MemoryRegion region) { }

    protected override DeviceBuffer Lend(Block block, long bytes) => new PlannedBuffer(this, block, bytes);

    /// <summary>A buffer without memory.</summary>
    internal sealed class PlannedBuffer(PlanningPool pool, Block block, long bytes) : DeviceBuffer
    {
        private int _given;

        public override long Bytes => bytes;

        /// <summary>When it holds experts: how many there are.</summary>
        public int Experts { get; set; }

        public override void Dispose()
        {
            if (Interlocked.Exchange(ref _given, 1) == 0) pool.GiveBack(block);
        }
    }
}
