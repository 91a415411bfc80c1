using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y) =>
        RunElements(y.Count, 4, new SwiGluKernel(gate.Pointer<float>(), up.Pointer<float>(), y.Pointer<float>()));

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) =>
        RunElements(dy.Count, 8, new SwiGluBackwardKernel(
            gate.Pointer<float>(), up.Pointer<float>(), dy.Pointer<float>(), dGate.Pointer<float>(), dUp.Pointer<float>()));

    private readonly struct SwiGluKernel(float* gate, float* up, float* y) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            var z = V.Load(gate + i);
            (z * VectorMath.Sigmoid(z) * V.Load(up + i)).Store(y + i);
        }
    }

    private readonly struct SwiGluBackwardKernel(float* gate, float* up, float* dy, float* dGate, float* dUp) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            // The results may lie over the inputs: read all three first.
            var (z, factor, gradient) = (V.Load(gate + i), V.Load(up + i), V.Load(dy + i));
            var sigmoid = VectorMath.Sigmoid(z);
            var rest = V.Create(1f) - sigmoid;
            (gradient * factor * sigmoid * V.FusedMultiplyAdd(z, rest, V.Create(1f))).Store(dGate + i);
            (gradient * z * sigmoid).Store(dUp + i);
        }
    }
}
