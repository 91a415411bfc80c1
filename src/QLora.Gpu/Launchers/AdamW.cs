using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step) => Launch(
        AdamWKernels.AdamW, Elements(parameter.Count), View<float>(parameter), View<float>(gradient), View<float>(firstMoment), View<float>(secondMoment), AdamWFactors.Of(step));
}
