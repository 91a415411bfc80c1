using QLora.Backends;

namespace QLora.Gpu.Kernels;

/// <summary>The moments of one element, after a step's gradient.</summary>
internal struct ElementMoments
{
    public float First, Second;

    /// <summary>The moments after those before.</summary>
    public static ElementMoments Next(float first, float second, float gradient, AdamWFactors factors)
    {
        var scaled = factors.GradientScale * gradient;
        return new ElementMoments
        {
            First = DeviceMath.FusedMultiplyAdd(factors.Gain1, scaled, factors.Beta1 * first),
            Second = DeviceMath.FusedMultiplyAdd(factors.Gain2 * scaled, scaled, factors.Beta2 * second),
        };
    }

    /// <summary>The parameter that they make of the one before.</summary>
    public readonly float Step(float parameter, AdamWFactors factors) =>
        factors.Decay * parameter - factors.Rate * First / (MathF.Sqrt(Second) / factors.RootCorrection + factors.Epsilon);
}
