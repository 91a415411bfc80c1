using System.Runtime.CompilerServices;

namespace QLora.Cpu.Vectors;

/// <summary>What every width has in common: functions and sums.</summary>
internal static unsafe class VectorMath
{
    /// <summary>
    /// e to the power of each, to within 2 units in the last place; 0 below −86.98 (a result under 2⁻¹²⁵), infinity above 88.7, NaN for NaN.
    /// With n = round(x · log₂e), e^x = 2ⁿ · e^r, and |r| ≤ ln2 / 2 is small enough for a polynomial of degree 6.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Exp<V>(V x) where V : unmanaged, IVector<V>
    {
        var n = V.Round(x * V.Create(1.44269504f));

        // ln2 in two parts, the first with so few bits that n · ln2 is exact.
        var r = V.FusedMultiplyAdd(n, V.Create(-0.693359375f), x);
        r = V.FusedMultiplyAdd(n, V.Create(2.12194440e-4f), r);

        // e^r as 1 + r + r² · q, with the q of degree 4 that meets it where Chebyshev's polynomial is zero; in parts that do not wait for each other.
        var squared = r * r;
        var upper = V.FusedMultiplyAdd(squared, V.Create(0.00139261759f), V.FusedMultiplyAdd(r, V.Create(0.00836317334f), V.Create(0.0416665561f)));
        var q = V.FusedMultiplyAdd(squared, upper, V.FusedMultiplyAdd(r, V.Create(0.166665778f), V.Create(0.5f)));
        var p = V.FusedMultiplyAdd(squared, q, r + V.Create(1f));

        var result = V.WhereLess(x, V.Create(-86.98f), V.Create(0f), V.Scale(p, n));
        return V.WhereLess(V.Create(88.72284f), x, V.Create(float.PositiveInfinity), result);
    }

    /// <summary>The larger of each pair; x where either is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Larger<V>(V x, V y) where V : unmanaged, IVector<V> => V.WhereLess(x, y, y, x);

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid<V>(V x) where V : unmanaged, IVector<V> => V.Create(1f) / (V.Create(1f) + Exp(V.Create(0f) - x));

    /// <summary>
    /// The hyperbolic tangent of each, to within 3 units in the last place, and odd to the last bit: 1 − 2 / (e^2|x| + 1) with the sign of x, which
    /// cancels for small x, where there is a polynomial (the coefficients of Cephes' tanhf).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh<V>(V x) where V : unmanaged, IVector<V>
    {
        var squared = x * x;
        var p = V.FusedMultiplyAdd(squared, V.Create(-5.70498872745e-3f), V.Create(2.06390887954e-2f));
        p = V.FusedMultiplyAdd(p, squared, V.Create(-5.37397155531e-2f));
        p = V.FusedMultiplyAdd(p, squared, V.Create(1.33314422036e-1f));
        p = V.FusedMultiplyAdd(p, squared, V.Create(-3.33332819422e-1f));
        var small = V.FusedMultiplyAdd(p * squared, x, x);

        var negative = V.Create(0f) - x;
        var magnitude = V.Max(x, negative);
        var large = V.Create(1f) - V.Create(2f) / (Exp(magnitude + magnitude) + V.Create(1f));
        large = V.WhereLess(x, V.Create(0f), V.Create(0f) - large, large);
        return V.WhereLess(magnitude, V.Create(0.625f), small, large);
    }

    /// <summary>cap · tanh(x / cap).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V SoftCap<V>(V x, V cap) where V : unmanaged, IVector<V> => cap * Tanh(x / cap);

    /// <summary>x ← cap · tanh(x / cap).</summary>
    [MethodImpl(Hot.Loop)]
    public static void SoftCap<V>(float* x, int count, float cap) where V : unmanaged, IVector<V>
    {
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) SoftCap(V.Load(x + i), V.Create(cap)).Store(x + i);
        for (; i < count; i++) SoftCap(Float1.Load(x + i), Float1.Create(cap)).Store(x + i);
    }

    /// <summary>Σ x · y, of activations.</summary>
    [MethodImpl(Hot.Loop)]
    public static float Dot<V, TFormat>(byte* x, byte* y, int count) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var (sum0, sum1) = (V.Create(0f), V.Create(0f));
        var i = 0;
        for (; i <= count - 2 * V.Count; i += 2 * V.Count)
        {
            sum0 = V.FusedMultiplyAdd(TFormat.Load<V>(x, i), TFormat.Load<V>(y, i), sum0);
            sum1 = V.FusedMultiplyAdd(TFormat.Load<V>(x, i + V.Count), TFormat.Load<V>(y, i + V.Count), sum1);
        }

        for (; i <= count - V.Count; i += V.Count) sum0 = V.FusedMultiplyAdd(TFormat.Load<V>(x, i), TFormat.Load<V>(y, i), sum0);
        var sum = Float1.Create(V.Sum(sum0 + sum1));
        for (; i < count; i++) sum += TFormat.Load<Float1>(x, i) * TFormat.Load<Float1>(y, i);
        return Float1.Sum(sum);
    }

    /// <summary>Σ x · weight · y, of activations and Float32 weights.</summary>
    [MethodImpl(Hot.Loop)]
    public static float Dot<V, TFormat>(byte* x, float* weight, byte* y, int count) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        var sums = V.Create(0f);
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) sums = V.FusedMultiplyAdd(TFormat.Load<V>(x, i) * V.Load(weight + i), TFormat.Load<V>(y, i), sums);
        var sum = Float1.Create(V.Sum(sums));
        for (; i < count; i++) sum += TFormat.Load<Float1>(x, i) * Float1.Load(weight + i) * TFormat.Load<Float1>(y, i);
        return Float1.Sum(sum);
    }

    /// <summary>Σ x², in double precision, which no square of a single overflows.</summary>
    [MethodImpl(Hot.Loop)]
    public static double SumOfSquares<V, TFormat>(byte* x, int count) where V : unmanaged, IVector<V> where TFormat : struct, IActivationFormat
    {
        // Single-precision lanes would lose what double ones keep; horizontal sums of each vector are cheap beside reading it.
        var sum = 0.0;
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) sum += V.SumOfSquares(TFormat.Load<V>(x, i));
        for (; i < count; i++) sum += Float1.SumOfSquares(TFormat.Load<Float1>(x, i));
        return sum;
    }

    /// <summary>The largest of at least one number; NaN when one is.</summary>
    [MethodImpl(Hot.Loop)]
    public static float Max<V>(float* x, int count) where V : unmanaged, IVector<V>
    {
        var largest = x[0];
        var i = 0;
        if (count >= V.Count)
        {
            var places = V.Load(x);
            for (i = V.Count; i <= count - V.Count; i += V.Count) places = V.Max(places, V.Load(x + i));
            largest = V.MaxAcross(places);
        }

        for (; i < count; i++) largest = MathF.Max(largest, x[i]);
        return largest;
    }

    /// <summary>y ← factor · x, from one format to another or the same; y may be x. With a factor of 1 numbers are as they were, but for rounding to y's format.</summary>
    [MethodImpl(Hot.Loop)]
    public static void Scale<V, TFrom, TTo>(byte* x, byte* y, int count, float factor = 1)
        where V : unmanaged, IVector<V> where TFrom : struct, IActivationFormat where TTo : struct, IActivationFormat
    {
        var i = 0;
        for (; i <= count - V.Count; i += V.Count) TTo.Store(y, i, TFrom.Load<V>(x, i) * V.Create(factor));
        for (; i < count; i++) TTo.Store(y, i, TFrom.Load<Float1>(x, i) * Float1.Create(factor));
    }

    /// <summary>x ← e^(x − reference); returns Σ x.</summary>
    [MethodImpl(Hot.Loop)]
    public static float ExpAndSum<V>(float* x, int count, float reference) where V : unmanaged, IVector<V>
    {
        var (sum0, sum1) = (V.Create(0f), V.Create(0f));
        var i = 0;
        for (; i <= count - 2 * V.Count; i += 2 * V.Count)
        {
            sum0 += ExpInPlace<V>(x + i, reference);
            sum1 += ExpInPlace<V>(x + i + V.Count, reference);
        }

        var sum = V.Sum(sum0 + sum1);
        for (; i < count; i++) sum += Float1.Sum(ExpInPlace<Float1>(x + i, reference));
        return sum;
    }

    /// <summary>Σ e^(x − reference).</summary>
    [MethodImpl(Hot.Loop)]
    public static float SumOfExp<V>(float* x, int count, float reference) where V : unmanaged, IVector<V>
    {
        var (sum0, sum1) = (V.Create(0f), V.Create(0f));
        var i = 0;
        for (; i <= count - 2 * V.Count; i += 2 * V.Count)
        {
            sum0 += Exp(V.Load(x + i) - V.Create(reference));
            sum1 += Exp(V.Load(x + i + V.Count) - V.Create(reference));
        }

        var sum = V.Sum(sum0 + sum1);
        for (; i < count; i++) sum += Float1.Sum(Exp(Float1.Load(x + i) - Float1.Create(reference)));
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpInPlace<V>(float* x, float reference) where V : unmanaged, IVector<V>
    {
        var result = Exp(V.Load(x) - V.Create(reference));
        result.Store(x);
        return result;
    }
}
