using System.Numerics;
using ILGPU;
using ILGPU.Runtime;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Gpu;

/// <summary>
/// Memory of one device within a budget: blocks that are kept for reuse, because a device takes long to give or take one. A request takes the smallest idle block
/// that is not wastefully larger; blocks that a whole step left idle go back at its end.
/// </summary>
/// <param name="accelerator">The device.</param>
/// <param name="budget">The most that the pool may hold, in bytes.</param>
internal sealed class DeviceMemoryPool(Accelerator accelerator, long budget) : IDisposable
{
    private const int Alignment = 256;

    private readonly Lock _lock = new();
    private readonly SortedList<long, List<IdleBlock>> _idle = []; // by size; the last of a list was used last
    private long _inUse, _peakInUse, _held, _peakHeld;
    private int _step;
    private bool _disposed;

    /// <summary>What it holds.</summary>
    public MemoryStatistics Statistics
    {
        get { lock (_lock) return new MemoryStatistics(_inUse, _peakInUse, _held, _peakHeld); }
    }

    /// <summary>Lends a block of at least so many bytes, with undefined content.</summary>
    /// <exception cref="QLoraException">The device or the budget has no such amount left.</exception>
    public DeviceMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var size = RoundUp(bytes);
            var block = TakeIdle(size) ?? NewBlock(size);
            _inUse += block.Length;
            _peakInUse = Math.Max(_peakInUse, _inUse);
            return new LentBlock(this, block, bytes);
        }
    }

    /// <summary>Ends a step: blocks that it left idle go back.</summary>
    public void EndStep()
    {
        lock (_lock)
        {
            FreeIdle(idle => idle.LastStep != _step);
            _step++;
        }
    }

    /// <summary>Gives back what is not lent; the rest goes when it is given back.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            FreeIdle(_ => true);
        }
    }

    /// <summary>An eighth of waste at most: the sizes are the multiples of a power of two that has the request's magnitude.</summary>
    private static long RoundUp(long bytes)
    {
        var unit = Math.Max(Alignment, (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, 1)) / 16);
        return (Math.Max(bytes, 1) + unit - 1) / unit * unit;
    }

    private MemoryBuffer1D<byte, Stride1D.Dense>? TakeIdle(long size)
    {
        foreach (var (length, blocks) in _idle)
        {
            if (length > size + size / 4) break;
            if (length < size || blocks.Count == 0) continue;
            var block = blocks[^1].Block;
            blocks.RemoveAt(blocks.Count - 1);
            return block;
        }

        return null;
    }

    private MemoryBuffer1D<byte, Stride1D.Dense> NewBlock(long size)
    {
        // What lies idle is of other sizes: it makes room for this one.
        if (_held + size > budget) FreeIdle(_ => true);
        if (_held + size > budget) throw OutOfMemory(size, null);
        var block = TryAllocate(size, out _);
        if (block is null)
        {
            FreeIdle(_ => true);
            block = TryAllocate(size, out var cause) ?? throw OutOfMemory(size, cause);
        }

        _held += size;
        _peakHeld = Math.Max(_peakHeld, _held);
        return block;
    }

    private MemoryBuffer1D<byte, Stride1D.Dense>? TryAllocate(long size, out Exception? cause)
    {
        try
        {
            cause = null;
            return accelerator.Allocate1D<byte>(size);
        }
        catch (AcceleratorException refused)
        {
            cause = refused;
            return null;
        }
    }

    private void GiveBack(MemoryBuffer1D<byte, Stride1D.Dense> block)
    {
        lock (_lock)
        {
            _inUse -= block.Length;
            if (_disposed)
            {
                Free(block);
                return;
            }

            if (!_idle.TryGetValue(block.Length, out var blocks)) _idle[block.Length] = blocks = [];
            blocks.Add(new IdleBlock(block, _step));
        }
    }

    private void FreeIdle(Predicate<IdleBlock> match)
    {
        foreach (var (_, blocks) in _idle)
        {
            foreach (var idle in blocks)
            {
                if (match(idle)) Free(idle.Block);
            }

            blocks.RemoveAll(match);
        }
    }

    private void Free(MemoryBuffer1D<byte, Stride1D.Dense> block)
    {
        _held -= block.Length;
        block.Dispose();
    }

    private QLoraException OutOfMemory(long size, Exception? cause)
    {
        var message = $"out of memory on {accelerator.Name}: asked for {size:N0} bytes with {_inUse:N0} of {budget:N0} bytes in use; "
            + "a smaller --max-length or --batch-size, or --gradient-checkpointing true, needs less";
        return cause is null ? new QLoraException(message) : new QLoraException(message, cause);
    }

    /// <summary>A block that nobody has.</summary>
    /// <param name="Block">The block.</param>
    /// <param name="LastStep">The step in which it was given back.</param>
    private readonly record struct IdleBlock(MemoryBuffer1D<byte, Stride1D.Dense> Block, int LastStep);

    private sealed class LentBlock(DeviceMemoryPool pool, MemoryBuffer1D<byte, Stride1D.Dense> block, long bytes) : DeviceMemory
    {
        private int _given;

        public override long Bytes => bytes;

        public override ArrayView<byte> View => _given == 0 ? block.View.BaseView : throw new ObjectDisposedException(nameof(DeviceMemory));

        public override void Dispose()
        {
            if (Interlocked.Exchange(ref _given, 1) != 0) return;
            Loan++;
            pool.GiveBack(block);
        }
    }
}
