using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void CrossEntropyCore(Tensor logits, Tensor labels, Tensor losses, float? gradientScale) =>
        Launch(CrossEntropyKernels.CrossEntropy, Rows(logits.Rows), View<float>(logits), View<int>(labels), View<float>(losses), logits.Columns,
            gradientScale is null ? 0 : 1, gradientScale ?? 0);
}
