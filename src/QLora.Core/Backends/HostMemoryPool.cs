using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>
/// Native memory, 64-byte aligned, kept for reuse. A request takes the smallest idle block that is not wastefully larger; blocks that a whole
/// step left idle go back to the system at its end, so that resident memory follows the work.
/// </summary>
internal sealed unsafe class HostMemoryPool : IDisposable
{
    private const int Alignment = 64;
    private readonly Lock _lock = new();
    private readonly SortedList<long, List<Block>> _idle = []; // by capacity; the last of a list was used last
    private long _inUse, _idleBytes, _peak;
    private int _step;
    private bool _disposed;

    public MemoryStatistics Statistics
    {
        get { lock (_lock) return new MemoryStatistics(_inUse, _idleBytes, _peak); }
    }

    public HostBuffer Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var capacity = RoundUp(bytes);
            if (!TryTakeIdle(capacity, out var address, out var found))
            {
                address = AllocateNative(capacity, bytes);
                found = capacity;
            }

            _inUse += found;
            _peak = Math.Max(_peak, _inUse + _idleBytes);
            return new PooledBuffer(this, address, found, bytes);
        }
    }

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

    private void GiveBack(nint address, long capacity)
    {
        lock (_lock)
        {
            _inUse -= capacity;
            if (_disposed)
            {
                NativeMemory.AlignedFree((void*)address);
                return;
            }

            if (!_idle.TryGetValue(capacity, out var blocks)) _idle[capacity] = blocks = [];
            blocks.Add(new Block(address, capacity, _step));
            _idleBytes += capacity;
        }
    }

    /// <summary>An eighth of waste at most: the classes are the multiples of a power of two that has the request's magnitude.</summary>
    private static long RoundUp(long bytes)
    {
        var unit = Math.Max(Alignment, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, 1)) / 16);
        return (Math.Max(bytes, 1) + unit - 1) / unit * unit;
    }

    private bool TryTakeIdle(long capacity, out nint address, out long found)
    {
        for (var i = 0; i < _idle.Count; i++)
        {
            var (size, blocks) = (_idle.GetKeyAtIndex(i), _idle.GetValueAtIndex(i));
            if (size < capacity || blocks.Count == 0) continue;
            if (size > capacity + capacity / 4) break;
            var block = blocks[^1];
            blocks.RemoveAt(blocks.Count - 1);
            _idleBytes -= size;
            (address, found) = (block.Address, size);
            return true;
        }

        (address, found) = (0, 0);
        return false;
    }

    private nint AllocateNative(long capacity, long bytes)
    {
        try
        {
            var address = NativeMemory.AlignedAlloc((nuint)capacity, (nuint)(capacity >= LinuxPages.LargePage ? LinuxPages.LargePage : Alignment));
            LinuxPages.MakeResident(address, bytes);
            return (nint)address;
        }
        catch (OutOfMemoryException cause)
        {
            throw new QLoraException($"out of memory: asked for {capacity:N0} bytes with {_inUse:N0} bytes in use; "
                + "a smaller --max-length or --batch-size, or --gradient-checkpointing true, needs less", cause);
        }
    }

    private void Free(Block block)
    {
        NativeMemory.AlignedFree((void*)block.Address);
        _idleBytes -= block.Capacity;
    }

    private readonly record struct Block(nint Address, long Capacity, int LastStep);

    private sealed class PooledBuffer(HostMemoryPool pool, nint address, long capacity, long bytes) : HostBuffer
    {
        private nint _address = address;

        public override long Bytes => bytes;

        public override byte* Pointer => _address != 0 ? (byte*)_address : throw new ObjectDisposedException(nameof(HostBuffer));

        public override void Dispose()
        {
            var given = Interlocked.Exchange(ref _address, 0);
            if (given != 0) pool.GiveBack(given, capacity);
        }
    }
}
