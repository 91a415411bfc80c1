using System.Runtime.CompilerServices;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Cpu.Vectors;

/// <summary>A single number: what is left at the end of a row goes through the same loop body, with the same roundings, as the rest of it.</summary>
internal readonly unsafe struct Float1(float value) : IVector<Float1>
{
    private readonly float _value = value;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 Load(float* source) => new(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Store(float* destination) => *destination = _value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 Create(float value) => new(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 operator +(Float1 x, Float1 y) => new(x._value + y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 operator -(Float1 x, Float1 y) => new(x._value - y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 operator *(Float1 x, Float1 y) => new(x._value * y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 operator /(Float1 x, Float1 y) => new(x._value / y._value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 FusedMultiplyAdd(Float1 x, Float1 y, Float1 z) => new(MathF.FusedMultiplyAdd(x._value, y._value, z._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 Max(Float1 x, Float1 y) => new(MathF.Max(x._value, y._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 Sqrt(Float1 x) => new(MathF.Sqrt(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 Round(Float1 x) => new(MathF.Round(x._value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 Scale(Float1 x, Float1 n)
    {
        // As 2x · 2ⁿ⁻¹, because 2¹²⁸ is not a number while e^88.7 is.
        var power = (float.ConvertToIntegerNative<int>(n._value) + 126) << 23;
        return new((x._value + x._value) * BitConverter.Int32BitsToSingle(power));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 WhereLess(Float1 x, Float1 limit, Float1 chosen, Float1 otherwise) => x._value < limit._value ? chosen : otherwise;

    public static (Float1 First, Float1 Second) WhereKept(ulong seed, ulong stream, ulong index, uint threshold, Float1 first, Float1 second) => (
        Philox.Word(seed, stream, index) >= threshold ? first : default,
        Philox.Word(seed, stream, index + 1) >= threshold ? second : default);

    public static float Sum(Float1 x) => x._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sums(Float1 x, Float1 y, Float1 z, Float1 w) => Float4.Create(x._value, y._value, z._value, w._value);

    public static float MaxAcross(Float1 x) => x._value;

    public static double SumOfSquares(Float1 x) => (double)x._value * x._value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 LoadBFloat16(ushort* source) => new(BFloat16.Widen(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void StoreBFloat16(ushort* destination) => *destination = BFloat16.Round(_value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 LoadFloat16(ushort* source) => new((float)BitConverter.UInt16BitsToHalf(*source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 LoadSByte(sbyte* source) => new(*source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 LookUp(byte* codes, in CodeTable table) => new(table.Values[*codes >> 4]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Transpose(float* source, nint sourceRow, float* destination, nint destinationRow) => *destination = *source;

    public static void LookUpTransposed(byte* codes, nint rowBytes, float* scales, in CodeTable table, float* destination, nint destinationRow)
    {
        for (var k = 0; k < 32; k++) destination[k * destinationRow] = table.Values[k % 2 == 0 ? codes[k / 2] >> 4 : codes[k / 2] & 15] * *scales;
    }
}
