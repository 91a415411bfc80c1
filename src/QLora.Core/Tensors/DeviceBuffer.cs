namespace QLora.Tensors;

/// <summary>
/// A run of bytes on one device. It has one owner, who disposes it; tensors only look into it. Disposing gives the memory back
/// (to the pool it came from, to the system, or to the mapped file), never the garbage collector.
/// </summary>
public abstract class DeviceBuffer : IDisposable
{
    /// <summary>The usable size.</summary>
    public abstract long Bytes { get; }

    /// <summary>Gives the memory back. Tensors that look into it must not be used afterwards. A second call does nothing.</summary>
    public abstract void Dispose();
}
