using System.Buffers.Binary;

namespace QLora.Tests.Backends.Gpu.Ptx;

/// <summary>Memory of all groups: arrays at addresses far from each other.</summary>
internal sealed class PtxMemory
{
    private const int AddressBits = 32;

    private readonly List<byte[]> _arrays = [];

    /// <summary>Adds an array. Its address is a multiple of 256, as a device's allocations are.</summary>
    public ulong Add(byte[] array)
    {
        _arrays.Add(array);
        return (ulong)_arrays.Count << AddressBits;
    }

    /// <exception cref="InvalidOperationException">The address is not that of so many bytes of an array, or not a multiple of them.</exception>
    public Span<byte> At(ulong address, int bytes)
    {
        var index = (int)(address >> AddressBits) - 1;
        var offset = (long)(uint)address;
        if (index < 0 || index >= _arrays.Count || offset + bytes > _arrays[index].Length) throw new InvalidOperationException($"{bytes} bytes at {address:x} are in no array");
        if (offset % bytes != 0) throw new InvalidOperationException($"{bytes} bytes at {address:x} are not aligned");
        return _arrays[index].AsSpan((int)offset, bytes);
    }
}

/// <summary>
/// Memory of one group. What one lane writes and another reads or writes must lie on different sides of a barrier: a lane at a time, as they run here, nothing would
/// go wrong without.
/// </summary>
internal sealed class PtxSharedMemory(int bytes)
{
    private const int Several = -1;

    private readonly byte[] _bytes = new byte[bytes];
    private readonly (int Barrier, int Lane)[] _writes = new (int, int)[bytes], _reads = new (int, int)[bytes];
    private int _barrier = 1;

    /// <summary>All lanes have met.</summary>
    public void Barrier() => _barrier++;

    public Span<byte> Read(ulong address, int count, int lane)
    {
        var span = At(address, count);
        for (var i = (int)address; i < (int)address + count; i++)
        {
            if (_writes[i].Barrier == 0) throw new InvalidOperationException($"lane {lane} reads byte {i}, which nobody has written");
            if (_writes[i].Barrier == _barrier && _writes[i].Lane != lane) throw new InvalidOperationException($"lane {lane} reads byte {i}, which lane {_writes[i].Lane} may not have written yet");
            _reads[i] = (_barrier, _reads[i].Barrier == _barrier && _reads[i].Lane != lane ? Several : lane);
        }

        return span;
    }

    public Span<byte> Write(ulong address, int count, int lane)
    {
        var span = At(address, count);
        for (var i = (int)address; i < (int)address + count; i++)
        {
            if (_reads[i].Barrier == _barrier && _reads[i].Lane != lane) throw new InvalidOperationException($"lane {lane} writes byte {i}, which another may not have read yet");
            if (_writes[i].Barrier == _barrier && _writes[i].Lane != lane) throw new InvalidOperationException($"lanes {lane} and {_writes[i].Lane} both write byte {i}");
            _writes[i] = (_barrier, lane);
        }

        return span;
    }

    private Span<byte> At(ulong address, int count)
    {
        if (address + (ulong)count > (ulong)_bytes.Length) throw new InvalidOperationException($"{count} bytes at {address} are beyond the group's {_bytes.Length}");
        if (address % (ulong)count != 0) throw new InvalidOperationException($"{count} bytes at {address} of the group's memory are not aligned");
        return _bytes.AsSpan((int)address, count);
    }
}

/// <summary>Little-endian numbers of one to eight bytes.</summary>
internal static class PtxBits
{
    public static ulong Read(ReadOnlySpan<byte> bytes) => bytes.Length switch
    {
        1 => bytes[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(bytes),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(bytes),
    };

    public static void Write(Span<byte> bytes, ulong value)
    {
        for (var i = 0; i < bytes.Length; i++) bytes[i] = (byte)(value >> (8 * i));
    }
}
