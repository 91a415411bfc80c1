using System.Runtime.CompilerServices;

namespace QLora.Cpu.Vectors;

/// <summary>
/// The Gaussian error linear unit by its approximation with a hyperbolic tangent, as a sigmoid: ½ · (1 + tanh u) = σ(2u), which does not cancel where the
/// tangent is close to −1.
/// </summary>
internal static class GeluMath
{
    // 2 · √(2/π), and the same times 0.044715.
    private const float Linear = 1.5957691f, Cubic = 0.071354814f;

    // Beyond, σ is 0 or 1 to the last bit, while z³ would overflow.
    private const float Limit = 10;

    /// <summary>z · σ(2u).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Gelu<V>(V z) where V : unmanaged, IVector<V> =>
        z * VectorMath.Sigmoid(z * V.FusedMultiplyAdd(z * z, V.Create(Cubic), V.Create(Linear)));

    /// <summary>z · σ(2u), and its derivative σ + z · σ · (1 − σ) · 2u′.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V Value, V Slope) GeluAndSlope<V>(V z) where V : unmanaged, IVector<V>
    {
        var zero = V.Create(0f);
        var near = V.Max(zero - V.Max(zero - z, V.Create(-Limit)), V.Create(-Limit));
        var squared = near * near;
        var exponential = VectorMath.Exp(zero - near * V.FusedMultiplyAdd(squared, V.Create(Cubic), V.Create(Linear)));
        var sigmoid = V.Create(1f) / (V.Create(1f) + exponential);
        sigmoid = V.WhereLess(z, V.Create(-Limit), zero, sigmoid);

        // 1 − σ = e^−2u · σ, without a difference.
        var inner = near * V.FusedMultiplyAdd(squared, V.Create(3 * Cubic), V.Create(Linear));
        var slope = V.FusedMultiplyAdd(exponential * sigmoid * inner, sigmoid, sigmoid);
        return (z * sigmoid, slope);
    }
}
