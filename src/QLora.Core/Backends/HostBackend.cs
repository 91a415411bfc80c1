using System.Runtime.InteropServices;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>What backends on the processor share: pooled native memory, and copies that are plain memory copies.</summary>
public abstract unsafe class HostBackend : Backend
{
    private readonly HostMemoryPool _pool = new();

    /// <inheritdoc/>
    public override MemoryStatistics Memory => _pool.Statistics;

    /// <inheritdoc/>
    public override DeviceBuffer AllocateBuffer(long bytes) => _pool.Allocate(bytes);

    /// <inheritdoc/>
    public override void EndStep() => _pool.EndStep();

    /// <inheritdoc/>
    protected override void CopyFromHostCore(ReadOnlySpan<byte> source, Tensor destination) => source.CopyTo(destination.HostBytes());

    /// <inheritdoc/>
    protected override void CopyToHostCore(Tensor source, Span<byte> destination) => source.HostBytes().CopyTo(destination);

    /// <inheritdoc/>
    protected override void CopyCore(Tensor source, Tensor destination) => NativeMemory.Copy(Address(source), Address(destination), (nuint)source.Bytes);

    /// <inheritdoc/>
    protected override void ClearCore(Tensor x) => NativeMemory.Clear(Address(x), (nuint)x.Bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _pool.Dispose();
    }

    private static byte* Address(Tensor tensor) => (tensor with { Shape = new Shape(0), DType = DType.UInt8 }).Pointer<byte>();
}
