using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void GeluCore(Tensor x, Tensor y) => RunElements(y, 4, new GeluKernel(Address(x), Address(y)));

    /// <inheritdoc/>
    protected override void GeluBackwardCore(Tensor x, Tensor dy, Tensor dx) =>
        RunElements(dx, 6, new GeluBackwardKernel(Address(x), Address(dy), Address(dx)));

    private readonly struct GeluKernel(byte* x, byte* y) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(y, i, GeluMath.Gelu(TFormat.Load<V>(x, i)));
    }

    private readonly struct GeluBackwardKernel(byte* x, byte* dy, byte* dx) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(dx, i, TFormat.Load<V>(dy, i) * GeluMath.GeluAndSlope(TFormat.Load<V>(x, i)).Slope);
    }
}
