using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate) =>
        Run(checked((int)((x.Count + DropoutKernel.Block - 1) / DropoutKernel.Block)), 8 * DropoutKernel.Block, new DropoutKernel(
            x.Pointer<float>(), y.Pointer<float>(), x.Count, Philox.DropThreshold(probability), 1 / (1 - probability), seed, stream, accumulate));

    private readonly struct DropoutKernel(float* x, float* y, long count, uint threshold, float scale, ulong seed, ulong stream, bool accumulate) : IKernel
    {
        // A multiple of two vectors, as which the words of the mask are made.
        public const int Block = 64;

        [MethodImpl(Hot.Loop)]
        public void Run<V>(int start, int end, int part) where V : unmanaged, IVector<V>
        {
            var i = (nint)start * Block;
            var last = (nint)Math.Min((long)end * Block, count);
            for (; i <= last - 2 * V.Count; i += 2 * V.Count)
            {
                var (first, second) = V.WhereKept(seed, stream, (ulong)i, threshold, V.Load(x + i) * V.Create(scale), V.Load(x + i + V.Count) * V.Create(scale));
                Store(i, first);
                Store(i + V.Count, second);
            }

            for (; i < last; i++) Store(i, Float1.WhereKept(seed, stream, (ulong)i, threshold, Float1.Load(x + i) * Float1.Create(scale), default).First);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Store<V>(nint i, V value) where V : unmanaged, IVector<V>
        {
            if (accumulate) value += V.Load(y + i);
            value.Store(y + i);
        }
    }
}
