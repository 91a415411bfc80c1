using ILGPU;
using QLora.Tensors;

namespace QLora.Gpu;

/// <summary>Memory of a device, lent by its pool.</summary>
internal abstract class DeviceMemory : DeviceBuffer
{
    /// <summary>All of it.</summary>
    /// <exception cref="ObjectDisposedException">The memory was given back.</exception>
    public abstract ArrayView<byte> View { get; }
}
