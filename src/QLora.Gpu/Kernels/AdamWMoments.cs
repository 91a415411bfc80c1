using QLora.Backends;

namespace QLora.Gpu.Kernels;

/// <summary>The moments of one element, after a step's gradient.</summary>
internal struct AdamWMoments
{
    public float First, Second;

    /// <summary>The moments after those before.</summary>
    public static AdamWMoments Next(float first, float second, float gradient, AdamWFactors factors)
    {
        var scaled = factors.GradientScale * gradient;
        return new AdamWMoments { First = factors.Beta1 * first + factors.Gain1 * scaled, Second = factors.Beta2 * second + factors.Gain2 * scaled * scaled };
    }

    /// <summary>The parameter that they make of the one before.</summary>
    public readonly float Step(float parameter, AdamWFactors factors) =>
        factors.Decay * parameter - factors.Rate * First / (MathF.Sqrt(Second) / factors.RootCorrection + factors.Epsilon);
}
