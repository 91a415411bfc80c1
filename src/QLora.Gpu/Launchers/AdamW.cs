using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
    // Enough groups to keep a large GPU busy; each leaves a sum.
    private const int GroupsOfSum = 128;

    /// <inheritdoc/>
    protected override void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step)
    {
        var factors = new AdamWFactors
        {
            Beta1 = step.Beta1,
            Beta2 = step.Beta2,
            Epsilon = step.Epsilon,
            GradientScale = step.GradientScale,
            Decay = (float)(1 - (double)step.LearningRate * step.WeightDecay),
            Rate = (float)(step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step))),
            RootCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step))),
        };
        Launch(AdamWKernels.AdamW, Elements(parameter.Count), View<float>(parameter), View<float>(gradient), View<float>(firstMoment), View<float>(secondMoment), factors);
    }

    /// <inheritdoc/>
    protected override double SumOfSquaresCore(Tensor x)
    {
        var shape = Rows(SumGroups(x.Count));
        using var sums = AllocateBuffer(shape.Groups.X * sizeof(double));
        var result = new Tensor(sums, new Shape(shape.Groups.X), DType.Int64); // bytes of doubles, which no tensor is made of
        if (x.DType == DType.Float32) Launch(AdamWKernels.SumOfSquares<F32>, shape, View<F32>(x), View<double>(result));
        else Launch(AdamWKernels.SumOfSquares<BF16>, shape, View<BF16>(x), View<double>(result));

        Span<double> parts = stackalloc double[shape.Groups.X];
        CopyToHost(result, parts);
        var sum = 0.0;
        foreach (var part in parts) sum += part;
        return sum;
    }

    private int SumGroups(long count) => (int)Math.Clamp(count / _device.GroupSize, 1, GroupsOfSum);
}
