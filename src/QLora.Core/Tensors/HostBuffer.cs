namespace QLora.Tensors;

/// <summary>A run of bytes in host memory, at an address that does not move: pooled, mapped from a file, or the system's own.</summary>
public abstract unsafe class HostBuffer : DeviceBuffer
{
    /// <summary>The first byte, aligned to 64 except for parts of mapped files.</summary>
    /// <exception cref="ObjectDisposedException">The memory was given back.</exception>
    public abstract byte* Pointer { get; }
}
