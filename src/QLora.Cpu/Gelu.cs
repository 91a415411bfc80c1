using System.Runtime.CompilerServices;
using QLora.Cpu.Vectors;
using QLora.Tensors;

namespace QLora.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    protected override void GeluCore(Tensor x, Tensor y) => RunElements(y.Count, 4, new GeluKernel(x.Pointer<float>(), y.Pointer<float>()));

    /// <inheritdoc/>
    protected override void GeluBackwardCore(Tensor x, Tensor dy, Tensor dx) =>
        RunElements(dx.Count, 6, new GeluBackwardKernel(x.Pointer<float>(), dy.Pointer<float>(), dx.Pointer<float>()));

    private readonly struct GeluKernel(float* x, float* y) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => GeluMath.Gelu(V.Load(x + i)).Store(y + i);
    }

    private readonly struct GeluBackwardKernel(float* x, float* dy, float* dx) : IElementKernel
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVector<V> => (V.Load(dy + i) * GeluMath.GeluAndSlope(V.Load(x + i)).Slope).Store(dx + i);
    }
}
