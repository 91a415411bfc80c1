using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QLora.Cpu.Vectors;

/// <summary>8 numbers: AVX2.</summary>
internal readonly unsafe struct Float8(Vector256<float> value) : IVector<Float8>
{
    private readonly Vector256<float> _value = value;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Load(float* source) => new(Vector256.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* destination) => _value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Create(float value) => new(Vector256.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator +(Float8 x, Float8 y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator -(Float8 x, Float8 y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator *(Float8 x, Float8 y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 operator /(Float8 x, Float8 y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 FusedMultiplyAdd(Float8 x, Float8 y, Float8 z) => new(Vector256.FusedMultiplyAdd(x._value, y._value, z._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Max(Float8 x, Float8 y) => new(Vector256.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Sqrt(Float8 x) => new(Vector256.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 Round(Float8 x) => new(Vector256.Round(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 PowerOfTwo(Float8 exponent) => new(((Vector256.ConvertToInt32Native(exponent._value) + Vector256.Create(127)) << 23).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 WhereLess(Float8 x, Float8 limit, Float8 chosen, Float8 otherwise) =>
        new(Vector256.ConditionalSelect(Vector256.LessThan(x._value, limit._value), chosen._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Float8 First, Float8 Second) WhereKept(ulong seed, ulong stream, ulong index, uint threshold, Float8 first, Float8 second)
    {
        var (words0, words1) = PhiloxWords.Words256(seed, stream, index / 4);
        return (new(first._value & Kept(words0)), new(second._value & Kept(words1)));

        Vector256<float> Kept(Vector256<uint> words) => Vector256.GreaterThanOrEqual(words, Vector256.Create(threshold)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float8 x) => Vector256.Sum(x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float8 x) => Float4.MaxAcross(new(Vector128.Max(x._value.GetLower(), x._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumOfSquares(Float8 x)
    {
        var (lower, upper) = Vector256.Widen(x._value);
        return Vector256.Sum(lower * lower + upper * upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadBFloat16(ushort* source) => new((Avx2.ConvertToVector256Int32(source) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LookUp(byte* codes, in CodeTable table)
    {
        // A byte becomes two places whose low four bits are its halves; the permutation looks at the low three bits, and the fourth chooses its table.
        var bytes = Avx2.ConvertToVector256Int64(Vector128.CreateScalarUnsafe(*(uint*)codes).AsByte());
        var indices = ((bytes >>> 4) | (bytes << 32)).AsInt32();
        var (low, high) = (Vector256.Load(table.Values), Vector256.Load(table.Values + 8));
        if (Avx512F.VL.IsSupported) return new(Avx512F.VL.PermuteVar8x32x2(low, indices, high));
        return new(Avx.BlendVariable(Avx2.PermuteVar8x32(low, indices), Avx2.PermuteVar8x32(high, indices), (indices << 28).AsSingle()));
    }

    public static void Transpose(float* source, nint sourceRow, float* destination, nint destinationRow)
    {
        for (var half = 0; half < 2; half++)
        {
            // Rows 0 to 3 in the lower halves and 4 to 7 in the upper ones: four columns of all eight rows.
            var (row0, row1) = (Rows(source, 0), Rows(source, 1));
            var (row2, row3) = (Rows(source, 2), Rows(source, 3));
            var (low01, high01) = (Avx.UnpackLow(row0, row1), Avx.UnpackHigh(row0, row1));
            var (low23, high23) = (Avx.UnpackLow(row2, row3), Avx.UnpackHigh(row2, row3));
            Avx.Shuffle(low01, low23, 0b01_00_01_00).Store(destination);
            Avx.Shuffle(low01, low23, 0b11_10_11_10).Store(destination + destinationRow);
            Avx.Shuffle(high01, high23, 0b01_00_01_00).Store(destination + 2 * destinationRow);
            Avx.Shuffle(high01, high23, 0b11_10_11_10).Store(destination + 3 * destinationRow);
            source += 4;
            destination += 4 * destinationRow;
        }

        Vector256<float> Rows(float* corner, int row) => Vector256.Create(Vector128.Load(corner + row * sourceRow), Vector128.Load(corner + (row + 4) * sourceRow));
    }
}
