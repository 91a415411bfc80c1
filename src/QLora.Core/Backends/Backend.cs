using QLora.Backends.Planning;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>
/// What a device can do: memory, and the ops of the engine. Each op stands in a file of its own, as a public method that checks shapes and
/// says in a formula what is computed, and a protected one that backends implement. A backend is used by one thread at a time.
/// </summary>
/// <remarks>
/// Activations and their gradients are Float32 or BFloat16, those of one op all of one type unless it says otherwise; parameters and their gradients are
/// Float32. All are row-major. Sums are accumulated in Float32 or wider, and a result is rounded once, to the nearest. A batch is not padded: its sequences
/// stand one after another in the row axis ("tokens"), and only attention needs to know where each begins.
/// </remarks>
public abstract partial class Backend : IDisposable
{
    /// <summary>The name by which the command line and the messages know it.</summary>
    public abstract string Name { get; }

    /// <summary>Takes memory from the device's pool; its content is undefined.</summary>
    /// <param name="bytes">At least zero.</param>
    /// <exception cref="QLoraException">The device or the budget has no such amount left; the message says what was asked for and what is left.</exception>
    public abstract DeviceBuffer AllocateBuffer(long bytes);

    /// <summary>Bytes in use, bytes that the system gave, and the most of both so far.</summary>
    public abstract MemoryStatistics Memory { get; }

    /// <summary>What its ops take from the pool for themselves, for those who plan a run on it.</summary>
    public virtual OpWorkspaces Workspaces => OpWorkspaces.None;

    /// <summary>A new tensor with undefined content.</summary>
    public Tensor Allocate(Shape shape, DType dtype = DType.Float32) => new(AllocateBuffer(dtype.Bytes(shape.Count)), shape, dtype);

    /// <summary>A new tensor of zeros.</summary>
    public Tensor AllocateZeros(Shape shape, DType dtype = DType.Float32)
    {
        var tensor = Allocate(shape, dtype);
        Clear(tensor);
        return tensor;
    }

    /// <summary>A new tensor with the given elements.</summary>
    /// <exception cref="ArgumentException">The number of values is not that of the shape.</exception>
    public Tensor Upload<T>(Shape shape, DType dtype, ReadOnlySpan<T> values) where T : unmanaged
    {
        var tensor = Allocate(shape, dtype);
        try
        {
            CopyFromHost(values, tensor);
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>Copies host memory into a tensor.</summary>
    /// <exception cref="ArgumentException">The number of bytes differs.</exception>
    public void CopyFromHost<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(source);
        if (bytes.Length != destination.Bytes) throw new ArgumentException($"{bytes.Length} bytes do not fill {destination} of {destination.Bytes} bytes");
        CopyFromHostCore(bytes, destination);
    }

    /// <summary>Copies a tensor into host memory and waits for it.</summary>
    /// <exception cref="ArgumentException">The number of bytes differs.</exception>
    public void CopyToHost<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(destination);
        if (bytes.Length != source.Bytes) throw new ArgumentException($"{source} of {source.Bytes} bytes does not fill {bytes.Length} bytes");
        CopyToHostCore(source, bytes);
    }

    /// <summary>destination ← source, of the same element type and count.</summary>
    public void Copy(Tensor source, Tensor destination)
    {
        if (source.DType != destination.DType || source.Count != destination.Count) throw new ArgumentException($"Copy: {source} into {destination}");
        CopyCore(source, destination);
    }

    /// <summary>x ← 0.</summary>
    public void Clear(Tensor x) => ClearCore(x);

    /// <summary>Backend part of <see cref="CopyFromHost{T}"/>.</summary>
    protected abstract void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination);

    /// <summary>Backend part of <see cref="CopyToHost{T}"/>.</summary>
    protected abstract void CopyToHostCore(Tensor source, Span<byte> destination);

    /// <summary>Backend part of <see cref="Copy"/>.</summary>
    protected abstract void CopyCore(Tensor source, Tensor destination);

    /// <summary>Backend part of <see cref="Clear"/>.</summary>
    protected abstract void ClearCore(Tensor x);

    /// <summary>
    /// The end of a training step: buffers of the pool that the whole step did not use go back to the system, so that memory follows the work.
    /// </summary>
    public virtual void EndStep() { }

    /// <summary>Gives back all memory of the pool and stops its threads.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Backend part of <see cref="Dispose()"/>.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>What a device's memory pool holds, in bytes.</summary>
/// <param name="InUse">Handed out and not given back.</param>
/// <param name="PeakInUse">The most that was so far.</param>
/// <param name="Resident">What the system gave: what is in use, and pages that are kept for reuse.</param>
/// <param name="PeakResident">The most that it was so far.</param>
public readonly record struct MemoryStatistics(long InUse, long PeakInUse, long Resident, long PeakResident);
