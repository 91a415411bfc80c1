namespace QLora.Tensors;

/// <summary>
/// A run of bytes on one device. It has one owner, who disposes it; tensors only look into it. Disposing gives the memory back
/// (to the pool it came from, to the system, or to the mapped file), never the garbage collector.
/// </summary>
public abstract class DeviceBuffer : IDisposable
{
    /// <summary>The usable size.</summary>
    public abstract long Bytes { get; }

    /// <summary>
    /// How often it was given back: a pool may lend it again, with other memory. A tensor knows the loan that it is of, and is of no use after it.
    /// </summary>
    public int Loan { get; protected set; }

    /// <summary>Gives the memory back. Tensors that look into it must not be used afterwards. A second call does nothing, unless the pool has lent it to somebody else meanwhile.</summary>
    public abstract void Dispose();
}
