using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void GeGluCore(Tensor gate, Tensor up, Tensor y) => Gated<GeluGate>(gate, up, y);

    /// <inheritdoc/>
    protected override void GeGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) => GatedBackward<GeluGate>(gate, up, dy, dGate, dUp);
}
