using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace QLora.Checkpoints.Gguf;

/// <summary>
/// ggml's blocks of 32 elements with one scale (and perhaps a minimum) in half precision, as <c>ggml-quants.c</c> decodes them. Four-bit codes of the first sixteen elements lie in
/// the low nibbles, of the others in the high ones.
/// </summary>
internal static class LegacyBlocks
{
    private const int Size = 32;

    /// <summary>d · (q − 8).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ4_0(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (i, at) = (0, 0); i < y.Length; i += Size, at += 18)
        {
            var scale = HalfAt(blocks, at);
            var nibbles = Vector128.Create(blocks[(at + 2)..]);
            WriteSigned(nibbles & Vector128.Create((byte)15), scale, 8, y[i..]);
            WriteSigned(nibbles >> 4, scale, 8, y[(i + 16)..]);
        }
    }

    /// <summary>d · q + m.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ4_1(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (i, at) = (0, 0); i < y.Length; i += Size, at += 20)
        {
            var (scale, minimum) = (HalfAt(blocks, at), HalfAt(blocks, at + 2));
            var nibbles = Vector128.Create(blocks[(at + 4)..]);
            WriteAffine(nibbles & Vector128.Create((byte)15), scale, minimum, y[i..]);
            WriteAffine(nibbles >> 4, scale, minimum, y[(i + 16)..]);
        }
    }

    /// <summary>d · (q − 16), the fifth bits in a word of their own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ5_0(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (i, at) = (0, 0); i < y.Length; i += Size, at += 22)
        {
            var scale = HalfAt(blocks, at);
            var (low, high) = FiveBits(blocks[(at + 2)..]);
            WriteSigned(low, scale, 16, y[i..]);
            WriteSigned(high, scale, 16, y[(i + 16)..]);
        }
    }

    /// <summary>d · q + m, the fifth bits in a word of their own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ5_1(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (i, at) = (0, 0); i < y.Length; i += Size, at += 24)
        {
            var (scale, minimum) = (HalfAt(blocks, at), HalfAt(blocks, at + 2));
            var (low, high) = FiveBits(blocks[(at + 4)..]);
            WriteAffine(low, scale, minimum, y[i..]);
            WriteAffine(high, scale, minimum, y[(i + 16)..]);
        }
    }

    /// <summary>d · q.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ8_0(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (i, at) = (0, 0); i < y.Length; i += Size, at += 34)
        {
            var scale = Vector256.Create(HalfAt(blocks, at));
            for (var part = 0; part < Size; part += 16)
            {
                var (low, high) = Vector256.Widen(Widen(Vector128.Create(blocks[(at + 2 + part)..]).AsSByte()));
                (Vector256.ConvertToSingle(low) * scale).CopyTo(y[(i + part)..]);
                (Vector256.ConvertToSingle(high) * scale).CopyTo(y[(i + part + 8)..]);
            }
        }
    }

    internal static float HalfAt(ReadOnlySpan<byte> blocks, int at) => (float)BinaryPrimitives.ReadHalfLittleEndian(blocks[at..]);

    private static Vector256<short> Widen(Vector128<sbyte> bytes) => Vector256.Create(Vector128.WidenLower(bytes), Vector128.WidenUpper(bytes));

    private static (Vector128<byte> Low, Vector128<byte> High) FiveBits(ReadOnlySpan<byte> bytes)
    {
        var fifth = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        var nibbles = Vector128.Create(bytes[4..]);
        return ((nibbles & Vector128.Create((byte)15)) | Spread(fifth), (nibbles >> 4) | Spread(fifth >> 16));
    }

    /// <summary>Bit j of a word as 16 in byte j.</summary>
    private static Vector128<byte> Spread(uint bits)
    {
        var bytes = Vector128.Create((byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits, (byte)bits,
            (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8), (byte)(bits >> 8));
        var select = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.Equals(bytes & select, select) & Vector128.Create((byte)16);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteSigned(Vector128<byte> codes, float scale, int centre, Span<float> y)
    {
        var (low, high) = ToIntegers(codes);
        ((Vector256.ConvertToSingle(low - Vector256.Create(centre))) * scale).CopyTo(y);
        ((Vector256.ConvertToSingle(high - Vector256.Create(centre))) * scale).CopyTo(y[8..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteAffine(Vector128<byte> codes, float scale, float minimum, Span<float> y)
    {
        var (low, high) = ToIntegers(codes);
        (Vector256.ConvertToSingle(low) * scale + Vector256.Create(minimum)).CopyTo(y);
        (Vector256.ConvertToSingle(high) * scale + Vector256.Create(minimum)).CopyTo(y[8..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector256<int> Low, Vector256<int> High) ToIntegers(Vector128<byte> codes)
    {
        var shorts = Vector256.Create(Vector128.WidenLower(codes), Vector128.WidenUpper(codes));
        var (low, high) = Vector256.Widen(shorts);
        return (low.AsInt32(), high.AsInt32());
    }
}
