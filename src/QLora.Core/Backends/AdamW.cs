using QLora.Tensors;

namespace QLora.Backends;

/// <summary>The numbers of one AdamW step.</summary>
/// <param name="LearningRate">Of this step, at least 0.</param>
/// <param name="Beta1">Decay of the first moment, in [0, 1).</param>
/// <param name="Beta2">Decay of the second moment, in [0, 1).</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="WeightDecay">Decoupled decay per unit of learning rate.</param>
/// <param name="Step">The number of this step, from 1.</param>
/// <param name="GradientScale">Factor of the gradient before anything else: how clipping is applied.</param>
public readonly record struct AdamWStep(float LearningRate, float Beta1, float Beta2, float Epsilon, float WeightDecay, int Step, float GradientScale);

public abstract partial class Backend
{
    /// <summary>
    /// One step of AdamW (Loshchilov and Hutter, arXiv:1711.05101), as PyTorch computes it. With g = GradientScale · gradient:
    /// p ← p · (1 − lr · decay); m ← β₁·m + (1−β₁)·g; v ← β₂·v + (1−β₂)·g²; p ← p − lr / (1−β₁^t) · m / (√v / √(1−β₂^t) + ε).
    /// </summary>
    /// <param name="parameter">Float32 of any shape.</param>
    /// <param name="gradient">Float32 of the same shape; not changed.</param>
    /// <param name="firstMoment">Float32 of the same shape.</param>
    /// <param name="secondMoment">Float32 of the same shape.</param>
    /// <param name="step">Rates and the step's number.</param>
    public void AdamW(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step)
    {
        const string Op = nameof(AdamW);
        Check.That(parameter.DType == DType.Float32, Op, $"parameter is {parameter}, expected Float32");
        Check.SameAs(Op, nameof(gradient), gradient, parameter);
        Check.SameAs(Op, nameof(firstMoment), firstMoment, parameter);
        Check.SameAs(Op, nameof(secondMoment), secondMoment, parameter);
        Check.That(step.Step >= 1, Op, $"step {step.Step} is not counted from 1");
        AdamWCore(parameter, gradient, firstMoment, secondMoment, step);
    }

    /// <summary>Backend part of <see cref="AdamW"/>; shapes are checked.</summary>
    protected abstract void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step);
}
