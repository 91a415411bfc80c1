using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    /// <inheritdoc/>
    protected override void SumCore(Tensor x, Tensor sums) => Launch(SumKernels.Sum<F32, Itself>, SumGroups(x), View<F32>(x), View<double>(sums));

    /// <inheritdoc/>
    protected override void SumOfSquaresCore(Tensor x, Tensor sums)
    {
        if (x.DType == DType.Float32) Launch(SumKernels.Sum<F32, Squared>, SumGroups(x), View<F32>(x), View<double>(sums));
        else Launch(SumKernels.Sum<BF16, Squared>, SumGroups(x), View<BF16>(x), View<double>(sums));
    }

    /// <summary>Enough groups to keep a large GPU busy: each adds to an element of the accumulator.</summary>
    private LaunchShape SumGroups(Tensor x) => Rows((int)Math.Min((x.Count + _device.GroupSize - 1) / _device.GroupSize, SumParts));
}
