using ILGPU;
using ILGPU.Runtime;

namespace QLora.Gpu;

/// <summary>
/// The one place in host memory that everything goes through on its way to a device and back, but for what is offloaded. Its pages do not move, so a copy out of it goes on while the host
/// does something else: what is uploaded is copied here, queued, and forgotten. A place is used again after the host has waited for the stream, which a training step does once anyhow.
/// </summary>
/// <param name="accelerator">The device.</param>
/// <param name="stream">Where copies are queued, between the kernels before and after them.</param>
/// <param name="copies">Where those are queued that need not wait for the kernels before them.</param>
/// <param name="allocate">Gives memory of the device.</param>
/// <param name="synchronize">Waits for the stream, and calls <see cref="Reuse"/>.</param>
internal sealed class StagingBuffer(Accelerator accelerator, AcceleratorStream stream, CopyQueue copies, Func<long, DeviceMemory> allocate, Action synchronize) : IDisposable
{
    /// <summary>
    /// Bytes at its start that have a mirror on the device, where nothing is under way either when they are used again. Token ids, positions and labels go there while the kernels of the batch
    /// before still run; a copy from the mirror to where they belong, within the device, takes its turn among the kernels.
    /// </summary>
    public const int MirroredBytes = 256 << 10;

    private const int Size = 8 << 20; // the uploads of many steps, and some milliseconds of loading
    private const int Alignment = 64;

    private readonly PageLockedArray1D<byte> _memory = accelerator.AllocatePageLocked1D<byte>(Size);
    private DeviceMemory? _mirror;
    private int _used;

    /// <summary>Queues a copy; more than there is room for goes piece by piece, and waits for each.</summary>
    public void Upload(ReadOnlySpan<byte> source, ArrayView<byte> destination)
    {
        for (var start = 0; start < source.Length;)
        {
            if (_used == Size) synchronize();
            var length = Math.Min(source.Length - start, Size - _used);
            source.Slice(start, length).CopyTo(_memory.Span[_used..]);
            QueueUpload(destination.SubView(start, length));
            start += length;
            _used = Math.Min(Size, (_used + length + Alignment - 1) / Alignment * Alignment);
        }
    }

    /// <summary>Copies to the host, and waits for it.</summary>
    public void Download(ArrayView<byte> source, Span<byte> destination)
    {
        for (var start = 0; start < destination.Length;)
        {
            if (_used == Size) synchronize();
            var (from, length) = (_used, Math.Min(destination.Length - start, Size - _used));
            HostCopy.Download(stream, source.SubView(start, length), Address(from));
            synchronize();
            _memory.Span.Slice(from, length).CopyTo(destination[start..]);
            start += length;
        }
    }

    /// <summary>Nothing is under way any more.</summary>
    public void Reuse() => _used = 0;

    /// <summary>Gives the memory back; nothing may be under way.</summary>
    public void Dispose()
    {
        _mirror?.Dispose();
        _memory.Dispose();
    }

    private void QueueUpload(ArrayView<byte> destination)
    {
        if (!copies.IsBeside || _used + destination.Length > MirroredBytes)
        {
            HostCopy.Upload(stream, Address(_used), destination);
            return;
        }

        _mirror ??= allocate(MirroredBytes);
        var mirrored = _mirror.View.SubView(_used, destination.Length);
        copies.UploadAtOnce(Address(_used), mirrored);
        copies.Await();
        mirrored.CopyTo(stream, destination);
    }

    private nint Address(int place) => _memory.ArrayView.SubView(place, 1).LoadEffectiveAddressAsPtr();
}
