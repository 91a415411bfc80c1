using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void GeGluCore(Tensor gate, Tensor up, Tensor y) =>
        RunElements(y.Count, 4, new GeGluKernel(gate.Pointer<float>(), up.Pointer<float>(), y.Pointer<float>()));

    /// <inheritdoc/>
    protected override void GeGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) =>
        RunElements(dy.Count, 8, new GeGluBackwardKernel(
            gate.Pointer<float>(), up.Pointer<float>(), dy.Pointer<float>(), dGate.Pointer<float>(), dUp.Pointer<float>()));

    private readonly struct GeGluKernel(float* gate, float* up, float* y) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => (GeluMath.Gelu(V.Load(gate + i)) * V.Load(up + i)).Store(y + i);
    }

    private readonly struct GeGluBackwardKernel(float* gate, float* up, float* dy, float* dGate, float* dUp) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V>
        {
            // The results may lie over the inputs: read all three first.
            var (z, factor, gradient) = (V.Load(gate + i), V.Load(up + i), V.Load(dy + i));
            var (value, slope) = GeluMath.GeluAndSlope(z);
            (gradient * factor * slope).Store(dGate + i);
            (gradient * value).Store(dUp + i);
        }
    }
}
