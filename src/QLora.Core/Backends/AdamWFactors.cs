namespace QLora.Backends;

/// <summary>What of an <see cref="AdamWStep"/> is the same for every element: from numbers in double precision, rounded once, as PyTorch takes Python's.</summary>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Gain1">1 − β₁.</param>
/// <param name="Gain2">1 − β₂.</param>
/// <param name="Epsilon">Added to the root of the second moment.</param>
/// <param name="GradientScale">Factor of the gradient.</param>
/// <param name="Decay">1 − lr · decay.</param>
/// <param name="Rate">lr / (1 − β₁^t).</param>
/// <param name="RootCorrection">√(1 − β₂^t).</param>
public readonly record struct AdamWFactors(
    float Beta1, float Beta2, float Gain1, float Gain2, float Epsilon, float GradientScale, float Decay, float Rate, float RootCorrection)
{
    /// <summary>The factors of a step.</summary>
    public static AdamWFactors Of(AdamWStep step) => new(
        (float)step.Beta1, (float)step.Beta2, (float)(1 - step.Beta1), (float)(1 - step.Beta2), (float)step.Epsilon, step.GradientScale,
        (float)(1 - step.LearningRate * step.WeightDecay), (float)(step.LearningRate / (1 - Math.Pow(step.Beta1, step.Step))), (float)Math.Sqrt(1 - Math.Pow(step.Beta2, step.Step)));
}
