using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Elements whose squares are summed together; the sums of the blocks are added in their order, whoever made them.
    private const int SumBlock = 16 * 1024;

    /// <inheritdoc/>
    protected override void SumCore(Tensor x, Tensor sums)
    {
        // The losses of some tokens: too few to be worth a thread.
        var total = 0.0;
        foreach (var value in x.Span<float>()) total += value;
        *sums.Pointer<double>() += total;
    }

    /// <inheritdoc/>
    protected override void SumOfSquaresCore(Tensor x, Tensor sums)
    {
        var blocks = SumBlocks(x.Count);
        using var buffer = AllocateBuffer((long)blocks * sizeof(double));
        var parts = (double*)Address(buffer);
        Run(x.DType, blocks, SumBlock, new SumOfSquaresKernel(Address(x), parts, x.Count));
        var total = 0.0;
        for (var i = 0; i < blocks; i++) total += parts[i];
        *sums.Pointer<double>() += total;
    }

    private static int SumBlocks(long count) => checked((int)((count + SumBlock - 1) / SumBlock));

    private readonly struct SumOfSquaresKernel(byte* x, double* sums, long count) : IActivationKernel
    {
        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            for (var block = start; block < end; block++)
            {
                var first = (long)block * SumBlock;
                sums[block] = VectorMath.SumOfSquares<V, TFormat>(x + first * TFormat.Size, (int)Math.Min(SumBlock, count - first));
            }
        }
    }
}
