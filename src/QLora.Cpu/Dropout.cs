using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate) =>
        Run(x.DType, checked((int)((x.Count + DropoutKernel.Block - 1) / DropoutKernel.Block)), 8 * DropoutKernel.Block, new DropoutKernel(
            Address(x), Address(y), x.Count, Philox.DropThreshold(probability), 1 / (1 - probability), seed, stream, accumulate));

    private readonly struct DropoutKernel(byte* x, byte* y, long count, uint threshold, float scale, ulong seed, ulong stream, bool accumulate)
        : IActivationKernel
    {
        // A multiple of two vectors, as which the words of the mask are made.
        public const int Block = 64;

        [MethodImpl(Hot.Loop)]
        public void Run<V, TFormat>(int start, int end, int part) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var i = (nint)start * Block;
            var last = (nint)Math.Min((long)end * Block, count);
            for (; i <= last - 2 * V.Count; i += 2 * V.Count)
            {
                var (first, second) = V.WhereKept(seed, stream, (ulong)i, threshold, Scaled<V, TFormat>(i), Scaled<V, TFormat>(i + V.Count));
                Store<V, TFormat>(i, first);
                Store<V, TFormat>(i + V.Count, second);
            }

            for (; i < last; i++) Store<Float1, TFormat>(i, Float1.WhereKept(seed, stream, (ulong)i, threshold, Scaled<Float1, TFormat>(i), default).First);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private V Scaled<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Load<V>(x, i) * V.Create(scale);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private void Store<V, TFormat>(nint i, V value) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            if (accumulate) value += TFormat.Load<V>(y, i);
            TFormat.Store(y, i, value);
        }
    }
}
