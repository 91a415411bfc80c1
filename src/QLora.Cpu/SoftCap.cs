using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float cap) => RunElements(x.Count, 6, new SoftCapKernel(x.Pointer<float>(), cap));

    /// <inheritdoc/>
    protected override void SoftCapBackwardCore(Tensor y, Tensor dx, float cap) =>
        RunElements(dx.Count, 2, new SoftCapBackwardKernel(y.Pointer<float>(), dx.Pointer<float>(), cap));

    private readonly struct SoftCapKernel(float* x, float cap) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => VectorMath.SoftCap(V.Load(x + i), V.Create(cap)).Store(x + i);
    }

    private readonly struct SoftCapBackwardKernel(float* y, float* dx, float cap) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            var tanh = V.Load(y + i) / V.Create(cap);
            (V.Load(dx + i) * ((V.Create(1f) - tanh) * (V.Create(1f) + tanh))).Store(dx + i);
        }
    }
}
