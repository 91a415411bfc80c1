using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float cap) => RunElements(x, 6, new SoftCapKernel(Address(x), cap));

    /// <inheritdoc/>
    protected override void SoftCapBackwardCore(Tensor y, Tensor dx, float cap) =>
        RunElements(dx, 2, new SoftCapBackwardKernel(Address(y), Address(dx), cap));

    private readonly struct SoftCapKernel(byte* x, float cap) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(x, i, VectorMath.SoftCap(TFormat.Load<V>(x, i), V.Create(cap)));
    }

    private readonly struct SoftCapBackwardKernel(byte* y, byte* dx, float cap) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var tanh = TFormat.Load<V>(y, i) / V.Create(cap);
            TFormat.Store(dx, i, TFormat.Load<V>(dx, i) * ((V.Create(1f) - tanh) * (V.Create(1f) + tanh)));
        }
    }
}
