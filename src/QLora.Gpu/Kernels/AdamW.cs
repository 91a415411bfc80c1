using ILGPU;

namespace QLora.Gpu.Kernels;

/// <summary>The numbers of <see cref="Backends.AdamWStep"/>, as far as they are the same for every element.</summary>
internal struct AdamWFactors
{
    public float Beta1, Beta2, Epsilon, GradientScale;

    /// <summary>1 − rate · decay.</summary>
    public float Decay;

    /// <summary>rate / (1 − β₁^t).</summary>
    public float Rate;

    /// <summary>1 / √(1 − β₂^t).</summary>
    public float RootCorrection;
}

internal static class AdamWKernels
{
    public static void AdamW(ArrayView<float> parameter, ArrayView<float> gradient, ArrayView<float> firstMoment, ArrayView<float> secondMoment, AdamWFactors factors)
    {
        var i = Grid.GlobalIndex.X;
        if (i >= parameter.IntLength) return;
        var scaled = factors.GradientScale * gradient[i];
        var first = factors.Beta1 * firstMoment[i] + (1 - factors.Beta1) * scaled;
        var second = factors.Beta2 * secondMoment[i] + (1 - factors.Beta2) * scaled * scaled;
        parameter[i] = factors.Decay * parameter[i] - factors.Rate * first / (MathF.Sqrt(second) * factors.RootCorrection + factors.Epsilon);
        firstMoment[i] = first;
        secondMoment[i] = second;
    }
}
