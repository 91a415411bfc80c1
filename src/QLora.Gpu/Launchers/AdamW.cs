using QLora.Backends;
using QLora.Gpu.Kernels;
using QLora.Tensors;

namespace QLora.Gpu;

public sealed partial class GpuBackend
{
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
}
