using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QLora.Cpu.Vectors;

/// <summary>16 numbers: AVX-512.</summary>
internal readonly unsafe struct Float16(Vector512<float> value) : IRegisterTable<Float16>
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
    public static Float16 Scale(Float16 x, Float16 n) => new(Avx512F.Scale(x._value, n._value));

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
    public static Float4 Sums(Float16 x, Float16 y, Float16 z, Float16 w)
    {
        return Float8.Sums(Halves(x), Halves(y), Halves(z), Halves(w));

        static Float8 Halves(Float16 v) => new(v._value.GetLower() + v._value.GetUpper());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float16 x) => Float8.MaxAcross(new(Vector256.Max(x._value.GetLower(), x._value.GetUpper())));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumOfSquares(Float16 x)
    {
        var (lower, upper) = Vector512.Widen(x._value);
        return Vector512.Sum(lower * lower + upper * upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadBFloat16(ushort* source) => new((Avx512F.ConvertToVector512Int32(Vector256.Load(source)) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* destination)
    {
        // The upper halves, by one permutation.
        var halves = Avx512BW.PermuteVar32x16(RoundedToBFloat16(_value).AsUInt16(), Vector512<ushort>.Indices * 2 + Vector512<ushort>.One);
        halves.GetLower().Store(destination);
    }

    /// <summary>Writes the numbers of both, rounded to half the width, one behind the other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreBFloat16(Float16 first, Float16 second, ushort* destination)
    {
        var upperHalves = Vector512<ushort>.Indices * 2 + Vector512<ushort>.One;
        Avx512BW.PermuteVar32x16x2(RoundedToBFloat16(first._value).AsUInt16(), upperHalves, RoundedToBFloat16(second._value).AsUInt16()).Store(destination);
    }

    /// <summary>Writes the numbers of both, rounded to half the width, in pairs: the first of each in the lower half.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePairs(Float16 first, Float16 second, uint* destination) =>
        ((RoundedToBFloat16(first._value) >>> 16) | (RoundedToBFloat16(second._value) & Vector512.Create(0xFFFF0000u))).Store(destination);

    /// <summary>Single-precision numbers whose upper halves are the nearest there are; the lower halves mean nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<uint> RoundedToBFloat16(Vector512<float> value)
    {
        // Half of the last place that stays, and one more where that place is odd; a NaN, which this could carry into infinity, keeps a fraction instead.
        var bits = value.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512.Create(1u));
        return Vector512.ConditionalSelect(Vector512.Equals(value, value).AsUInt32(), rounded, bits | Vector512.Create(0x400000u));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadFloat16(ushort* source)
    {
        // A half's exponent and fraction in the places of a single's make a number 2¹¹² times too small; infinity and NaN have the largest exponent of both.
        var bits = Avx512F.ConvertToVector512Int32(Vector256.Load(source));
        var magnitude = (bits & Vector512.Create(0x7FFF)) << 13;
        var value = (magnitude.AsSingle() * Vector512.Create(5.192296858534828e33f)).AsInt32();
        value |= Vector512.GreaterThanOrEqual(magnitude, Vector512.Create(0x7C00 << 13)) & Vector512.Create(0x7F800000);
        return new((value | (bits & Vector512.Create(0x8000)) << 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadSByte(sbyte* source) => new(Vector512.ConvertToSingle(Avx512F.ConvertToVector512Int32(Vector128.Load(source))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LookUp(byte* codes, in CodeTable table)
    {
        // A byte becomes two places whose low four bits are its halves, and those are all that the permutation looks at.
        var bytes = Avx512F.ConvertToVector512Int64(Vector128.CreateScalarUnsafe(*(ulong*)codes).AsByte());
        return new(Avx512F.PermuteVar16x32(Vector512.Load(table.Values), ((bytes >>> 4) | (bytes << 32)).AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LookUp(Float16 codes, int shift, Float16 first, Float16 second) =>
        new(Avx512F.PermuteVar16x32(first._value, codes._value.AsInt32() >>> shift));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float16 LoadEightTimes(float* source) =>
        new(Avx512F.PermuteVar4x32(Vector512.Create(*(double*)source).AsSingle(), Vector512.Create(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)));

    [MethodImpl(Hot.Loop)]
    public static void Transpose(float* source, nint sourceRow, float* destination, nint destinationRow)
    {
        for (var quarter = 0; quarter < 4; quarter++)
        {
            // Rows 0 to 3, 4 to 7, 8 to 11 and 12 to 15 in the quarters of each: four columns of all sixteen rows.
            var (row0, row1) = (Rows(source, 0), Rows(source, 1));
            var (row2, row3) = (Rows(source, 2), Rows(source, 3));
            var (low01, high01) = (Avx512F.UnpackLow(row0, row1), Avx512F.UnpackHigh(row0, row1));
            var (low23, high23) = (Avx512F.UnpackLow(row2, row3), Avx512F.UnpackHigh(row2, row3));
            Avx512F.Shuffle(low01, low23, 0b01_00_01_00).Store(destination);
            Avx512F.Shuffle(low01, low23, 0b11_10_11_10).Store(destination + destinationRow);
            Avx512F.Shuffle(high01, high23, 0b01_00_01_00).Store(destination + 2 * destinationRow);
            Avx512F.Shuffle(high01, high23, 0b11_10_11_10).Store(destination + 3 * destinationRow);
            source += 4;
            destination += 4 * destinationRow;
        }

        Vector512<float> Rows(float* corner, int row) => Vector512.Create(
            Vector256.Create(Vector128.Load(corner + row * sourceRow), Vector128.Load(corner + (row + 4) * sourceRow)),
            Vector256.Create(Vector128.Load(corner + (row + 8) * sourceRow), Vector128.Load(corner + (row + 12) * sourceRow)));
    }

    [MethodImpl(Hot.Loop)]
    public static void LookUpTransposed(byte* codes, nint rowBytes, float* scales, in CodeTable table, float* destination, nint destinationRow)
    {
        // Four bytes of every row are a place each: the transpose of eight codes is then a matter of shifting, for a look-up sees the low four bits alone.
        var (row0, row1) = (Rows(codes, rowBytes, 0), Rows(codes, rowBytes, 1));
        var (row2, row3) = (Rows(codes, rowBytes, 2), Rows(codes, rowBytes, 3));
        var (low01, high01) = (Avx512F.UnpackLow(row0, row1).AsInt64(), Avx512F.UnpackHigh(row0, row1).AsInt64());
        var (low23, high23) = (Avx512F.UnpackLow(row2, row3).AsInt64(), Avx512F.UnpackHigh(row2, row3).AsInt64());
        var (values, factors) = (Vector512.Load(table.Values), Vector512.Load(scales));
        Columns(Avx512F.UnpackLow(low01, low23).AsInt32());
        Columns(Avx512F.UnpackHigh(low01, low23).AsInt32());
        Columns(Avx512F.UnpackLow(high01, high23).AsInt32());
        Columns(Avx512F.UnpackHigh(high01, high23).AsInt32());

        void Columns(Vector512<int> codes)
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

        void Column(Vector512<int> codes)
        {
            (Avx512F.PermuteVar16x32(values, codes) * factors).Store(destination);
            destination += destinationRow;
        }

        static Vector512<int> Rows(byte* codes, nint rowBytes, int row) => FourRows(codes + row * rowBytes, rowBytes);
    }

    [MethodImpl(Hot.Loop)]
    public static void ScaleTransposed(sbyte* codes, nint rowBytes, float* scales, float* destination, nint destinationRow)
    {
        // As above: four bytes of every row are a place each, and each of them in turn is shifted to its upper end, and from there down.
        var (row0, row1) = (FourRows((byte*)codes, rowBytes), FourRows((byte*)codes + rowBytes, rowBytes));
        var (row2, row3) = (FourRows((byte*)codes + 2 * rowBytes, rowBytes), FourRows((byte*)codes + 3 * rowBytes, rowBytes));
        var (low01, high01) = (Avx512F.UnpackLow(row0, row1).AsInt64(), Avx512F.UnpackHigh(row0, row1).AsInt64());
        var (low23, high23) = (Avx512F.UnpackLow(row2, row3).AsInt64(), Avx512F.UnpackHigh(row2, row3).AsInt64());
        var factors = Vector512.Load(scales);
        Columns(Avx512F.UnpackLow(low01, low23).AsInt32());
        Columns(Avx512F.UnpackHigh(low01, low23).AsInt32());
        Columns(Avx512F.UnpackLow(high01, high23).AsInt32());
        Columns(Avx512F.UnpackHigh(high01, high23).AsInt32());

        void Columns(Vector512<int> codes)
        {
            Column(codes << 24);
            Column(codes << 16);
            Column(codes << 8);
            Column(codes);
        }

        void Column(Vector512<int> codes)
        {
            (Vector512.ConvertToSingle(codes >> 24) * factors).Store(destination);
            destination += destinationRow;
        }
    }

    /// <summary>16 bytes of every fourth row, beginning with the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> FourRows(byte* first, nint rowBytes) => Vector512.Create(
        Vector256.Create(Vector128.Load(first), Vector128.Load(first + 4 * rowBytes)),
        Vector256.Create(Vector128.Load(first + 8 * rowBytes), Vector128.Load(first + 12 * rowBytes))).AsInt32();
}
