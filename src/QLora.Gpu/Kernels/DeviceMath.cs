using ILGPU;
using ILGPU.Algorithms;

namespace QLora.Gpu.Kernels;

/// <summary>
/// Functions that are as accurate on every device. Those of the device would be approximations on some (PTX's tanh is good to 5e-4), and tests elsewhere would not
/// tell.
/// </summary>
internal static class DeviceMath
{
    // 2 · √(2/π), and the same times 0.044715.
    private const float GeluLinear = 1.5957691f, GeluCubic = 0.071354814f;

    // Beyond, GELU's sigmoid is 0 or 1 to the last bit, while z³ would overflow.
    private const float GeluLimit = 10;

    /// <summary>
    /// x · y + z with one rounding (one in 2²⁹ has two), where the last bit counts: whether x · y + z in single precision is fused, and with which of two products, is the compiler's choice.
    /// </summary>
    public static float FusedMultiplyAdd(float x, float y, float z) => (float)((double)x * y + z);

    /// <summary>x + y, which no compiler fuses with a product that x is.</summary>
    public static float Sum(float x, float y) => (float)((double)x + y);

    /// <summary>
    /// e^x, to within 2 units in the last place; 0 below −86.98 (a result under 2⁻¹²⁵), infinity above 88.7, NaN for NaN. With n = round(x · log₂e),
    /// e^x = 2ⁿ · e^r, and |r| ≤ ln2 / 2 is small enough for a polynomial of degree 6.
    /// </summary>
    public static float Exp(float x)
    {
        var bounded = x < -87f ? -87f : x > 89f ? 89f : x; // NaN stays
        var scaled = bounded * 1.44269504f;
        var n = (int)(scaled < 0 ? scaled - 0.5f : scaled + 0.5f);

        // ln2 in two parts, the first with so few bits that n · ln2 is exact.
        var r = bounded - n * 0.693359375f + n * 2.12194440e-4f;
        var squared = r * r;
        var q = squared * (squared * 0.00139261759f + (r * 0.00836317334f + 0.0416665561f)) + (r * 0.166665778f + 0.5f);

        // 2ⁿ in two factors: n reaches 128, which is no exponent of a single.
        var result = (squared * q + (r + 1)) * PowerOfTwo(n >> 1) * PowerOfTwo(n - (n >> 1));
        return x < -86.98f ? 0 : x > 88.72284f ? float.PositiveInfinity : result;
    }

    /// <summary>ln x, as the device has it: PTX's is off by 2⁻²² at most, little beside the logits that it is added to.</summary>
    public static float Log(float x) => XMath.Log(x);

    /// <summary>1 / (1 + e^−x).</summary>
    public static float Sigmoid(float x) => 1 / (1 + Exp(-x));

    /// <summary>
    /// The hyperbolic tangent to within 3 units in the last place: 1 − 2 / (e^2|x| + 1) with the sign of x, which cancels for small x, where there is a polynomial
    /// (the coefficients of Cephes' tanhf).
    /// </summary>
    public static float Tanh(float x)
    {
        var magnitude = x < 0 ? -x : x;
        if (magnitude < 0.625f)
        {
            var squared = x * x;
            var p = ((((-5.70498872745e-3f * squared + 2.06390887954e-2f) * squared - 5.37397155531e-2f) * squared + 1.33314422036e-1f) * squared - 3.33332819422e-1f) * squared;
            return p * x + x;
        }

        var large = 1 - 2 / (Exp(magnitude + magnitude) + 1);
        return x < 0 ? -large : large;
    }

    /// <summary>cap · tanh(x / cap).</summary>
    public static float SoftCap(float x, float cap) => cap * Tanh(x / cap);

    /// <summary>gelu(z) = ½ · z · (1 + tanh u) as z · σ(2u), which does not cancel where the tangent is close to −1.</summary>
    public static float Gelu(float z) => z * Sigmoid(z * (z * z * GeluCubic + GeluLinear));

    /// <summary>gelu′(z) = σ + z · σ · (1 − σ) · 2u′.</summary>
    public static float GeluSlope(float z)
    {
        if (z < -GeluLimit) return 0;
        var near = z > GeluLimit ? GeluLimit : z;
        var squared = near * near;
        var exponential = Exp(-near * (squared * GeluCubic + GeluLinear));
        var sigmoid = 1 / (1 + exponential);

        // 1 − σ = e^−2u · σ, without a difference.
        return sigmoid + exponential * sigmoid * sigmoid * near * (squared * (3 * GeluCubic) + GeluLinear);
    }

    private static float PowerOfTwo(int n) => Interop.IntAsFloat((uint)(n + 127) << 23);
}
