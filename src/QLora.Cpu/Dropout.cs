using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate) =>
        RunElements(x.Count, 8, new DropoutKernel(x.Pointer<float>(), y.Pointer<float>(), Philox.DropThreshold(probability), 1 / (1 - probability), seed, stream, accumulate));

    private readonly struct DropoutKernel(float* x, float* y, uint threshold, float scale, ulong seed, ulong stream, bool accumulate) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            var result = V.WhereKept(seed, stream, (ulong)i, threshold, V.Load(x + i) * V.Create(scale));
            if (accumulate) result += V.Load(y + i);
            result.Store(y + i);
        }
    }
}
