using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y) => Gated<SiluGate>(gate, up, y);

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) => GatedBackward<SiluGate>(gate, up, dy, dGate, dUp);
}
