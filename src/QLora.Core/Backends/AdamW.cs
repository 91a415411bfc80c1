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
public readonly record struct AdamWStep(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, int Step, float GradientScale);

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
        CheckStep(Op, parameter, gradient, step);
        Check.SameAs(Op, nameof(firstMoment), firstMoment, parameter);
        Check.SameAs(Op, nameof(secondMoment), secondMoment, parameter);
        AdamWCore(parameter, gradient, firstMoment, secondMoment, step);
    }

    /// <summary>Backend part of <see cref="AdamW"/>; shapes are checked.</summary>
    protected abstract void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step);

    private static void CheckStep(string op, Tensor parameter, Tensor gradient, AdamWStep step)
    {
        Check.That(parameter.DType == DType.Float32, op, $"parameter is {parameter}, expected Float32");
        Check.SameAs(op, nameof(gradient), gradient, parameter);
        Check.That(step.Step >= 1, op, $"step {step.Step} is not counted from 1");
    }
}
