using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QLora.Cpu.Vectors;

/// <summary>16 numbers: AVX-512.</summary>
internal readonly unsafe struct Float16(Vector512<float> value) : IVector<Float16>
{
    private readonly Vector512<float> _value = value;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Load(float* source) => new(Vector512.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* destination) => _value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Create(float value) => new(Vector512.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator +(Float16 x, Float16 y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator -(Float16 x, Float16 y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator *(Float16 x, Float16 y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 operator /(Float16 x, Float16 y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 FusedMultiplyAdd(Float16 x, Float16 y, Float16 z) => new(Vector512.FusedMultiplyAdd(x._value, y._value, z._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Max(Float16 x, Float16 y) => new(Vector512.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Sqrt(Float16 x) => new(Vector512.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 Round(Float16 x) => new(Vector512.Round(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 PowerOfTwo(Float16 exponent) => new(((Vector512.ConvertToInt32Native(exponent._value) + Vector512.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 WhereLess(Float16 x, Float16 limit, Float16 chosen, Float16 otherwise) =>
        new(Vector512.ConditionalSelect(Vector512.LessThan(x._value, limit._value), chosen._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Float16 First, Float16 Second) WhereKept(ulong seed, ulong stream, ulong index, uint threshold, Float16 first, Float16 second)
    {
        var (words0, words1) = PhiloxWords.Words512(seed, stream, index / 4);
        return (new(first._value & Kept(words0)), new(second._value & Kept(words1)));

        Vector512<float> Kept(Vector512<uint> words) => Vector512.GreaterThanOrEqual(words, Vector512.Create(threshold)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float16 x) => Vector512.Sum(x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float16 x) => Float8.MaxAcross(new(Vector256.Max(x._value.GetLower(), x._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumOfSquares(Float16 x)
    {
        var (lower, upper) = Vector512.Widen(x._value);
        return Vector512.Sum(lower * lower + upper * upper);
    }
}
