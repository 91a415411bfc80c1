using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step)
    {
        var p = parameter.Span<float>();
        var g = gradient.Span<float>();
        var m = firstMoment.Span<float>();
        var v = secondMoment.Span<float>();
        var (beta1, beta2) = (step.Beta1, step.Beta2);
        var correction1 = 1 - Math.Pow(beta1, step.Step);
        var correction2 = 1 - Math.Pow(beta2, step.Step);
        for (var i = 0; i < p.Length; i++)
        {
            var scaled = (double)step.GradientScale * g[i];
            var first = beta1 * m[i] + (1 - beta1) * scaled;
            var second = beta2 * v[i] + (1 - beta2) * scaled * scaled;
            var decayed = p[i] * (1 - step.LearningRate * step.WeightDecay);
            p[i] = (float)(decayed - step.LearningRate / correction1 * first / (Math.Sqrt(second) / Math.Sqrt(correction2) + step.Epsilon));
            m[i] = (float)first;
            v[i] = (float)second;
        }
    }
}
