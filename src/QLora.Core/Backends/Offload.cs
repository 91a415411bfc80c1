using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>Whether its tensors lie in memory of its own, so that moving one to the host's memory frees some.</summary>
    public virtual bool CanOffload => false;

    /// <summary>Page-locked memory of the host that offloaded tensors lie in, in bytes, as <see cref="Memory"/> counts the device's.</summary>
    public virtual MemoryStatistics PinnedMemory => default;

    /// <summary>A place in page-locked memory of the host for what <see cref="Offload"/> brings there, with undefined content; no op reads it.</summary>
    /// <exception cref="NotSupportedException">The backend cannot offload.</exception>
    /// <exception cref="QLoraException">The host has no such amount left.</exception>
    public Tensor AllocatePinned(Shape shape, DType dtype = DType.Float32) => new(AllocatePinnedBuffer(dtype.Bytes(shape.Count)), shape, dtype);

    /// <summary>
    /// pinned ← source, beside the ops that follow: the copy begins when all before it is done, and nobody waits for it before <see cref="AwaitCopies"/>. Until then
    /// ops may read the source, and must not write to it nor to its memory.
    /// </summary>
    /// <param name="source">On the device.</param>
    /// <param name="pinned">From <see cref="AllocatePinned"/>, of the same shape and element type.</param>
    public void Offload(Tensor source, Tensor pinned)
    {
        Check.SameAs(nameof(Offload), nameof(pinned), pinned, source);
        OffloadCore(source, pinned);
    }

    /// <summary>
    /// destination ← pinned, beside the ops that follow, as <see cref="Offload"/>: until <see cref="AwaitCopies"/> no op may use the destination. The pinned place may be given back at once.
    /// </summary>
    /// <param name="pinned">What <see cref="Offload"/> has filled.</param>
    /// <param name="destination">On the device, of the same shape and element type.</param>
    public void Fetch(Tensor pinned, Tensor destination)
    {
        Check.SameAs(nameof(Fetch), nameof(destination), destination, pinned);
        FetchCore(pinned, destination);
    }

    /// <summary>The ops that follow begin when all copies of <see cref="Offload"/> and <see cref="Fetch"/> so far are done. The host does not wait.</summary>
    public virtual void AwaitCopies() { }

    /// <summary>The host waits for all ops so far, and for copies that they await: what was offloaded can be read then.</summary>
    public virtual void Synchronize() { }

    /// <summary>Backend part of <see cref="AllocatePinned"/>.</summary>
    protected virtual DeviceBuffer AllocatePinnedBuffer(long bytes) => throw new NotSupportedException($"{Name} has no memory of its own to free");

    /// <summary>Backend part of <see cref="Offload"/>.</summary>
    protected virtual void OffloadCore(Tensor source, Tensor pinned) => throw new NotSupportedException();

    /// <summary>Backend part of <see cref="Fetch"/>.</summary>
    protected virtual void FetchCore(Tensor pinned, Tensor destination) => throw new NotSupportedException();
}
