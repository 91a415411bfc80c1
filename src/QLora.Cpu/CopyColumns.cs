using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count)
    {
        var size = source.DType.Size();
        Run(source.Rows, count, new CopyColumnsKernel(
            Address(source) + sourceStart * size, (nint)source.Columns * size,
            Address(destination) + destinationStart * size, (nint)destination.Columns * size, count * size));
    }

    /// <summary>Extents are in bytes: what the numbers are does not matter.</summary>
    private readonly struct CopyColumnsKernel(byte* source, nint sourceRow, byte* destination, nint destinationRow, int count) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++) new ReadOnlySpan<byte>(source + t * sourceRow, count).CopyTo(new Span<byte>(destination + t * destinationRow, count));
        }
    }
}
