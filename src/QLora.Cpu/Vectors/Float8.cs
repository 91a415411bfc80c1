using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QLora.Cpu.Vectors;

/// <summary>8 numbers: AVX2.</summary>
internal readonly unsafe struct Float8(Vector256<float> value) : IRegisterTable<Float8>
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
    public static Float8 Scale(Float8 x, Float8 n)
    {
        // x · 2ⁿ as 2x · 2ⁿ⁻¹, because 2¹²⁸ is not a number while e^88.7 is.
        var power = (Vector256.ConvertToInt32Native(n._value) + Vector256.Create(126)) << 23;
        return new((x._value + x._value) * power.AsSingle());
    }

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
    public static Float4 Sums(Float8 x, Float8 y, Float8 z, Float8 w)
    {
        return Float4.Sums(Halves(x), Halves(y), Halves(z), Halves(w));

        static Float4 Halves(Float8 v) => new(v._value.GetLower() + v._value.GetUpper());
    }

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
    public void StoreBFloat16(ushort* destination)
    {
        var bits = RoundedToBFloat16(_value) >>> 16;
        Sse41.PackUnsignedSaturate(bits.GetLower().AsInt32(), bits.GetUpper().AsInt32()).Store(destination);
    }

    /// <summary>Writes the numbers of both, rounded to half the width, in pairs: the first of each in the lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Float8 first, Float8 second, uint* destination) =>
        ((RoundedToBFloat16(first._value) >>> 16) | (RoundedToBFloat16(second._value) & Vector256.Create(0xFFFF0000u))).Store(destination);

    /// <summary>Single-precision numbers whose upper halves are the nearest there are; the lower halves mean nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RoundedToBFloat16(Vector256<float> value)
    {
        // Half of the last place that stays, and one more where that place is odd; a NaN, which this could carry into infinity, keeps a fraction instead.
        var bits = value.AsUInt32();
        var rounded = bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256.Create(1u));
        return Vector256.ConditionalSelect(Vector256.Equals(value, value).AsUInt32(), rounded, bits | Vector256.Create(0x400000u));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadFloat16(ushort* source)
    {
        // A half's exponent and fraction in the places of a single's make a number 2¹¹² times too small; infinity and NaN have the largest exponent of both.
        var bits = Avx2.ConvertToVector256Int32(source);
        var magnitude = (bits & Vector256.Create(0x7FFF)) << 13;
        var value = (magnitude.AsSingle() * Vector256.Create(5.192296858534828e33f)).AsInt32();
        value |= Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7C00 << 13)) & Vector256.Create(0x7F800000);
        return new((value | (bits & Vector256.Create(0x8000)) << 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadSByte(sbyte* source) => new(Vector256.ConvertToSingle(Avx2.ConvertToVector256Int32(source)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LookUp(byte* codes, in CodeTable table)
    {
        // A byte becomes two places whose low four bits are its halves.
        var bytes = Avx2.ConvertToVector256Int64(Vector128.CreateScalarUnsafe(*(uint*)codes).AsByte());
        return new(Permute(Vector256.Load(table.Values), Vector256.Load(table.Values + 8), ((bytes >>> 4) | (bytes << 32)).AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LookUp(Float8 codes, int shift, Float8 first, Float8 second) => new(Permute(first._value, second._value, codes._value.AsInt32() >>> shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float8 LoadEightTimes(float* source) => Create(*source);

    [MethodImpl(Hot.Loop)]
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

    [MethodImpl(Hot.Loop)]
    public static void LookUpTransposed(byte* codes, nint rowBytes, float* scales, in CodeTable table, float* destination, nint destinationRow)
    {
        // Four bytes of every row are a place each: the transpose of eight codes is then a matter of shifting, for a look-up sees the low four bits alone.
        var (row0, row1) = (Rows(codes, rowBytes, 0), Rows(codes, rowBytes, 1));
        var (row2, row3) = (Rows(codes, rowBytes, 2), Rows(codes, rowBytes, 3));
        var (low01, high01) = (Avx2.UnpackLow(row0, row1).AsInt64(), Avx2.UnpackHigh(row0, row1).AsInt64());
        var (low23, high23) = (Avx2.UnpackLow(row2, row3).AsInt64(), Avx2.UnpackHigh(row2, row3).AsInt64());
        var (low, high, factors) = (Vector256.Load(table.Values), Vector256.Load(table.Values + 8), Vector256.Load(scales));
        Columns(Avx2.UnpackLow(low01, low23).AsInt32());
        Columns(Avx2.UnpackHigh(low01, low23).AsInt32());
        Columns(Avx2.UnpackLow(high01, high23).AsInt32());
        Columns(Avx2.UnpackHigh(high01, high23).AsInt32());

        void Columns(Vector256<int> codes)
        {
            Column(codes >>> 4);
            Column(codes);
            Column(codes >>> 12);
            Column(codes >>> 8);
            Column(codes >>> 20);
            Column(codes >>> 16);
            Column(codes >>> 28);
            Column(codes >>> 24);
        }

        void Column(Vector256<int> codes)
        {
            (Permute(low, high, codes) * factors).Store(destination);
            destination += destinationRow;
        }

        static Vector256<int> Rows(byte* codes, nint rowBytes, int row) =>
            Vector256.Create(Vector128.Load(codes + row * rowBytes), Vector128.Load(codes + (row + 4) * rowBytes)).AsInt32();
    }

    /// <summary>Look-ups in a table of sixteen: the lower three bits of an index choose from each half, the fourth chooses the half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Permute(Vector256<float> low, Vector256<float> high, Vector256<int> indices) => Avx512F.VL.IsSupported
        ? Avx512F.VL.PermuteVar8x32x2(low, indices, high)
        : Avx.BlendVariable(Avx2.PermuteVar8x32(low, indices), Avx2.PermuteVar8x32(high, indices), (indices << 28).AsSingle());
}
