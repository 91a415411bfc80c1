using QLora.Tensors;

namespace QLora.Backends;

/// <summary>
/// Blocks of memory that are kept for reuse: which there are and who has them, not where they come from. A request takes the smallest idle block that is not wastefully
/// larger; blocks that a whole step left idle go back at its end, so that resident memory follows the work.
/// </summary>
internal abstract class MemoryPool : IDisposable
{
    /// <summary>What every block is aligned to.</summary>
    protected const int Alignment = 64;

    private readonly Lock _lock = new();
    private readonly SortedList<long, List<Block>> _idle = []; // by capacity; the last of a list was used last
    private long _inUse, _idleBytes, _peak, _touched, _peakTouched;
    private int _step;
    private bool _disposed;

    /// <summary>What it holds.</summary>
    public MemoryStatistics Statistics
    {
        get { lock (_lock) return new MemoryStatistics(_inUse, _idleBytes, _peak, _peakTouched); }
    }

    /// <summary>Lends a block of at least so many bytes, with undefined content.</summary>
    /// <exception cref="QLoraException">There is no more memory.</exception>
    public DeviceBuffer Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var capacity = RoundUp(bytes);
            if (!TryTakeIdle(capacity, out var block)) block = new Block(AllocateBlock(capacity, bytes, _inUse), capacity, 0, 0);
            _inUse += block.Capacity;
            _touched += Math.Max(0, bytes - block.Touched);
            _peak = Math.Max(_peak, _inUse + _idleBytes);
            _peakTouched = Math.Max(_peakTouched, _touched);
            return Lend(block with { Touched = Math.Max(bytes, block.Touched) }, bytes);
        }
    }

    /// <summary>Ends a step: blocks that it left idle go back.</summary>
    public void EndStep()
    {
        lock (_lock)
        {
            for (var i = 0; i < _idle.Count; i++)
            {
                var (blocks, kept) = (_idle.GetValueAtIndex(i), 0);
                for (var j = 0; j < blocks.Count; j++)
                {
                    if (blocks[j].LastStep == _step) blocks[kept++] = blocks[j];
                    else Free(blocks[j]);
                }

                blocks.RemoveRange(kept, blocks.Count - kept);
            }

            _step++;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (var (_, blocks) in _idle)
            {
                foreach (var block in blocks) Free(block);
            }

            _idle.Clear();
        }
    }

    /// <summary>Gets a new block.</summary>
    /// <param name="capacity">Its size.</param>
    /// <param name="bytes">What of it will be used first.</param>
    /// <param name="inUse">Bytes that are lent, for messages.</param>
    protected abstract nint AllocateBlock(long capacity, long bytes, long inUse);

    /// <summary>Gives a block back for good.</summary>
    protected abstract void FreeBlock(nint address);

    /// <summary>The buffer through which a block is used. It calls <see cref="GiveBack"/> once.</summary>
    protected abstract DeviceBuffer Lend(Block block, long bytes);

    /// <summary>Takes a block back that was lent.</summary>
    protected void GiveBack(Block block)
    {
        lock (_lock)
        {
            _inUse -= block.Capacity;
            if (_disposed)
            {
                FreeBlock(block.Address);
                return;
            }

            if (!_idle.TryGetValue(block.Capacity, out var blocks)) _idle[block.Capacity] = blocks = [];
            blocks.Add(block with { LastStep = _step });
            _idleBytes += block.Capacity;
        }
    }

    /// <summary>An eighth of waste at most: the classes are the multiples of a power of two that has the request's magnitude.</summary>
    private static long RoundUp(long bytes)
    {
        var unit = Math.Max(Alignment, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, 1)) / 16);
        return (Math.Max(bytes, 1) + unit - 1) / unit * unit;
    }

    private bool TryTakeIdle(long capacity, out Block block)
    {
        for (var i = 0; i < _idle.Count; i++)
        {
            var (size, blocks) = (_idle.GetKeyAtIndex(i), _idle.GetValueAtIndex(i));
            if (size < capacity || blocks.Count == 0) continue;
            if (size > capacity + capacity / 4) break;
            block = blocks[^1];
            blocks.RemoveAt(blocks.Count - 1);
            _idleBytes -= size;
            return true;
        }

        block = default;
        return false;
    }

    private void Free(Block block)
    {
        FreeBlock(block.Address);
        _idleBytes -= block.Capacity;
        _touched -= block.Touched;
    }

    /// <summary>A block of the pool.</summary>
    /// <param name="Address">Where it begins.</param>
    /// <param name="Capacity">Its size.</param>
    /// <param name="LastStep">The step in which it was given back.</param>
    /// <param name="Touched">The most that was ever used of it; the system gives no memory for the rest.</param>
    internal readonly record struct Block(nint Address, long Capacity, int LastStep, long Touched);
}
