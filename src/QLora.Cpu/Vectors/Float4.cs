using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace QLora.Cpu.Vectors;

/// <summary>4 numbers: SSE4 or NEON.</summary>
internal readonly unsafe struct Float4(Vector128<float> value) : IVector<Float4>
{
    private readonly Vector128<float> _value = value;

    public static int Count => 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Load(float* source) => new(Vector128.Load(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* destination) => _value.Store(destination);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Create(float value) => new(Vector128.Create(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Create(float x, float y, float z, float w) => new(Vector128.Create(x, y, z, w));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator +(Float4 x, Float4 y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator -(Float4 x, Float4 y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator *(Float4 x, Float4 y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 operator /(Float4 x, Float4 y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 FusedMultiplyAdd(Float4 x, Float4 y, Float4 z) => new(Vector128.FusedMultiplyAdd(x._value, y._value, z._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Max(Float4 x, Float4 y) => new(Vector128.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sqrt(Float4 x) => new(Vector128.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Round(Float4 x) => new(Vector128.Round(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Scale(Float4 x, Float4 n)
    {
        // x · 2ⁿ as 2x · 2ⁿ⁻¹, because 2¹²⁸ is not a number while e^88.7 is.
        var power = (Vector128.ConvertToInt32Native(n._value) + Vector128.Create(126)) << 23;
        return new((x._value + x._value) * power.AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 WhereLess(Float4 x, Float4 limit, Float4 chosen, Float4 otherwise) =>
        new(Vector128.ConditionalSelect(Vector128.LessThan(x._value, limit._value), chosen._value, otherwise._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (Float4 First, Float4 Second) WhereKept(ulong seed, ulong stream, ulong index, uint threshold, Float4 first, Float4 second)
    {
        var (words0, words1) = PhiloxWords.Words128(seed, stream, index / 4);
        return (new(first._value & Kept(words0)), new(second._value & Kept(words1)));

        Vector128<float> Kept(Vector128<uint> words) => Vector128.GreaterThanOrEqual(words, Vector128.Create(threshold)).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Float4 x) => Vector128.Sum(x._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sums(Float4 x, Float4 y, Float4 z, Float4 w)
    {
        var (lowXY, highXY) = Interleave(x._value, y._value);
        var (lowZW, highZW) = Interleave(z._value, w._value);
        var (sumsXY, sumsZW) = (lowXY + highXY, lowZW + highZW);
        return new(Low(sumsXY, sumsZW) + High(sumsXY, sumsZW));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MaxAcross(Float4 x) => MathF.Max(MathF.Max(x._value[0], x._value[1]), MathF.Max(x._value[2], x._value[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double SumOfSquares(Float4 x)
    {
        var (lower, upper) = Vector128.Widen(x._value);
        return Vector128.Sum(lower * lower + upper * upper);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LoadBFloat16(ushort* source) => new((Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)source).AsUInt16()) << 16).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* destination)
    {
        // Half of the last place that stays, and one more where that place is odd; a NaN, which this could carry into infinity, keeps a fraction instead.
        var bits = _value.AsUInt32();
        var rounded = bits + Vector128.Create(0x7FFFu) + ((bits >>> 16) & Vector128.Create(1u));
        bits = Vector128.ConditionalSelect(Vector128.Equals(_value, _value).AsUInt32(), rounded, bits | Vector128.Create(0x400000u)) >>> 16;
        *(ulong*)destination = Vector128.Narrow(bits, bits).AsUInt64().ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LoadFloat16(ushort* source)
    {
        // A half's exponent and fraction in the places of a single's make a number 2¹¹² times too small; infinity and NaN have the largest exponent of both.
        var bits = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)source).AsUInt16()).AsInt32();
        var magnitude = (bits & Vector128.Create(0x7FFF)) << 13;
        var value = (magnitude.AsSingle() * Vector128.Create(5.192296858534828e33f)).AsInt32();
        value |= Vector128.GreaterThanOrEqual(magnitude, Vector128.Create(0x7C00 << 13)) & Vector128.Create(0x7F800000);
        return new((value | (bits & Vector128.Create(0x8000)) << 16).AsSingle());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LoadSByte(sbyte* source) =>
        new(Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)source).AsSByte()))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 LookUp(byte* codes, in CodeTable table) => new(Vector128.Create(table.Pairs[codes[0]], table.Pairs[codes[1]]).AsSingle());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(float* source, nint sourceRow, float* destination, nint destinationRow)
    {
        var (row0, row1) = (Vector128.Load(source), Vector128.Load(source + sourceRow));
        var (row2, row3) = (Vector128.Load(source + 2 * sourceRow), Vector128.Load(source + 3 * sourceRow));
        var (low01, high01) = Interleave(row0, row1);
        var (low23, high23) = Interleave(row2, row3);
        Low(low01, low23).Store(destination);
        High(low01, low23).Store(destination + destinationRow);
        Low(high01, high23).Store(destination + 2 * destinationRow);
        High(high01, high23).Store(destination + 3 * destinationRow);
    }

    [MethodImpl(Hot.Loop)]
    public static void LookUpTransposed(byte* codes, nint rowBytes, float* scales, in CodeTable table, float* destination, nint destinationRow)
    {
        var square = stackalloc float[16];
        for (var k = 0; k < 32; k += 4)
        {
            for (var row = 0; row < 4; row++) (LookUp(codes + row * rowBytes + k / 2, table)._value * scales[row]).Store(square + 4 * row);
            Transpose(square, 4, destination + k * destinationRow, destinationRow);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> Low, Vector128<float> High) Interleave(Vector128<float> x, Vector128<float> y) => Sse.IsSupported
        ? (Sse.UnpackLow(x, y), Sse.UnpackHigh(x, y))
        : (Vector128.Create(x[0], y[0], x[1], y[1]), Vector128.Create(x[2], y[2], x[3], y[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Low(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.MoveLowToHigh(x, y) : Vector128.Create(x.GetLower(), y.GetLower());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> High(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.MoveHighToLow(y, x) : Vector128.Create(x.GetUpper(), y.GetUpper());
}
