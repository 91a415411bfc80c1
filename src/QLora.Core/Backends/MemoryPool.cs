using QLora.Tensors;

namespace QLora.Backends;

/// <summary>
/// Memory in a few large regions, of which buffers are carved: which there are and who has them, not where regions come from. A buffer goes to the first place that it
/// fits into, which is as good as the tightest and keeps the rest together. Pages that a whole step left unused go back at its end, so that resident memory follows the work.
/// </summary>
internal abstract class MemoryPool : IDisposable
{
    /// <summary>What the place of every buffer in its region is a multiple of.</summary>
    public const int Alignment = 64;

    // So large that few buffers find too little room at an end (with 64 MiB, a run took up to half as much again); what was never used is not resident.
    protected const long RegionBytes = 256 << 20;

    private readonly Lock _lock = new();
    private readonly List<MemoryRegion> _regions = [];
    private long _inUse, _peakInUse, _peakResident;
    private int _step;
    private bool _disposed;

    /// <summary>What it holds.</summary>
    public MemoryStatistics Statistics
    {
        get { lock (_lock) return new MemoryStatistics(_inUse, _peakInUse, Resident, _peakResident); }
    }

    private long Resident
    {
        get
        {
            var resident = 0L;
            foreach (var region in _regions) resident += region.Resident;
            return resident;
        }
    }

    /// <summary>Lends at least so many bytes, with undefined content.</summary>
    /// <exception cref="QLoraException">There is no more memory.</exception>
    public DeviceBuffer Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var length = RoundUp(Math.Max(bytes, 1), Alignment);
            var block = Take(length);
            _inUse += length;
            _peakInUse = Math.Max(_peakInUse, _inUse);
            _peakResident = Math.Max(_peakResident, Resident);
            return Lend(block, bytes);
        }
    }

    /// <summary>Ends a step: pages that it left unused go back.</summary>
    public void EndStep()
    {
        lock (_lock)
        {
            foreach (var region in _regions) region.ReleaseUnused(_step);
            RemoveRegions(region => region is { Lent: 0, Resident: 0 });
            _step++;
        }
    }

    /// <summary>Gives back what is not lent; the rest goes when it is given back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            RemoveIdleRegions();
        }
    }

    /// <summary>Gets a new region, of <see cref="RegionBytes"/> where there is no reason for another size.</summary>
    /// <param name="length">What it must have room for.</param>
    /// <param name="inUse">Bytes that are lent, for messages.</param>
    protected abstract MemoryRegion AddRegion(long length, long inUse);

    /// <summary>Gives a region back for good.</summary>
    protected abstract void FreeRegion(MemoryRegion region);

    /// <summary>The buffer through which a block is used. It calls <see cref="GiveBack"/> once.</summary>
    protected abstract DeviceBuffer Lend(Block block, long bytes);

    /// <summary>Takes a block back that was lent.</summary>
    protected void GiveBack(Block block)
    {
        lock (_lock)
        {
            _inUse -= block.Length;
            block.Region.GiveBack(block.Start, block.Length, _step);
            if (_disposed) RemoveIdleRegions();
        }
    }

    /// <summary>Gives regions back of which nothing is lent.</summary>
    protected void RemoveIdleRegions() => RemoveRegions(region => region.Lent == 0);

    /// <summary>The size of a region that is made of pages.</summary>
    protected static long PagedRegion(long length) => Math.Max(RegionBytes, RoundUp(length, MemoryRegion.PageBytes));

    private static long RoundUp(long bytes, int unit) => (bytes + unit - 1) / unit * unit;

    private Block Take(long length)
    {
        foreach (var region in _regions)
        {
            if (region.TryTake(length, out var start)) return new Block(region, start, length);
        }

        var added = AddRegion(length, _inUse);
        _regions.Add(added);
        added.TryTake(length, out var first);
        return new Block(added, first, length);
    }

    private void RemoveRegions(Predicate<MemoryRegion> match)
    {
        for (var i = _regions.Count - 1; i >= 0; i--)
        {
            if (!match(_regions[i])) continue;
            FreeRegion(_regions[i]);
            _regions.RemoveAt(i);
        }
    }

    /// <summary>A lent part of a region.</summary>
    /// <param name="Region">The region.</param>
    /// <param name="Start">Where in it the block begins.</param>
    /// <param name="Length">Its size.</param>
    internal readonly record struct Block(MemoryRegion Region, long Start, long Length)
    {
        /// <summary>Where it begins.</summary>
        public nint Address => Region.Address + (nint)Start;
    }
}
