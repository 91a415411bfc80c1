using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y) =>
        RunElements(y, 4, new SwiGluKernel(Address(gate), Address(up), Address(y)));

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) =>
        RunElements(dy, 8, new SwiGluBackwardKernel(
            Address(gate), Address(up), Address(dy), Address(dGate), Address(dUp)));

    private readonly struct SwiGluKernel(byte* gate, byte* up, byte* y) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            var z = TFormat.Load<V>(gate, i);
            TFormat.Store(y, i, z / (V.Create(1f) + VectorMath.Exp(V.Create(0f) - z)) * TFormat.Load<V>(up, i));
        }
    }

    private readonly struct SwiGluBackwardKernel(byte* gate, byte* up, byte* dy, byte* dGate, byte* dUp) : IActivationElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V, TFormat>(nint i) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
        {
            // The results may lie over the inputs: read all three first.
            var (z, factor, gradient) = (TFormat.Load<V>(gate, i), TFormat.Load<V>(up, i), TFormat.Load<V>(dy, i));
            var sigmoid = VectorMath.Sigmoid(z);
            var rest = V.Create(1f) - sigmoid;
            TFormat.Store(dGate, i, gradient * factor * sigmoid * V.FusedMultiplyAdd(z, rest, V.Create(1f)));
            TFormat.Store(dUp, i, gradient * z * sigmoid);
        }
    }
}
