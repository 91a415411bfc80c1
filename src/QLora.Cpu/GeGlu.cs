using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void GeGluCore(Tensor gate, Tensor up, Tensor y) =>
        RunElements(y, 4, new GeGluKernel(Address(gate), Address(up), Address(y)));

    /// <inheritdoc/>
    protected override void GeGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) =>
        RunElements(dy, 8, new GeGluBackwardKernel(
            Address(gate), Address(up), Address(dy), Address(dGate), Address(dUp)));

    private readonly struct GeGluKernel(byte* gate, byte* up, byte* y) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat =>
            TFormat.Store(y, i, GeluMath.Gelu(TFormat.Load<V>(gate, i)) * TFormat.Load<V>(up, i));
    }

    private readonly struct GeGluBackwardKernel(byte* gate, byte* up, byte* dy, byte* dGate, byte* dUp) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            // The results may lie over the inputs: read all three first.
            var (z, factor, gradient) = (TFormat.Load<V>(gate, i), TFormat.Load<V>(up, i), TFormat.Load<V>(dy, i));
            var (value, slope) = GeluMath.GeluAndSlope(z);
            TFormat.Store(dGate, i, gradient * factor * slope);
            TFormat.Store(dUp, i, gradient * value);
        }
    }
}
