using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count) =>
        Run(source.Rows, count, new CopyColumnsKernel(
            source.Pointer<float>() + sourceStart, source.Columns, destination.Pointer<float>() + destinationStart, destination.Columns, count));

    private readonly struct CopyColumnsKernel(float* source, nint sourceRow, float* destination, nint destinationRow, int count) : IKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            for (var t = start; t < end; t++) new ReadOnlySpan<float>(source + t * sourceRow, count).CopyTo(new Span<float>(destination + t * destinationRow, count));
        }
    }
}
