using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <summary>y ← f(gate) · up.</summary>
    private void Gated<TGate>(Tensor gate, Tensor up, Tensor y) where TGate : struct, IGate
    {
        if (y.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(GatedKernels.Gated<T, TGate>, Elements(y.Count), View<T>(gate), View<T>(up), View<T>(y));
    }

    /// <summary>dGate ← dy · up · f′(gate), dUp ← dy · f(gate).</summary>
    private void GatedBackward<TGate>(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) where TGate : struct, IGate
    {
        if (dy.DType == DType.Float32) Run<F32>();
        else Run<BF16>();

        void Run<T>() where T : unmanaged, IElement<T> =>
            Launch(GatedKernels.GatedBackward<T, TGate>, Elements(dy.Count), View<T>(gate), View<T>(up), View<T>(dy), View<T>(dGate), View<T>(dUp));
    }
}
