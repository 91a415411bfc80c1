using System.Runtime.CompilerServices;

namespace QLora.Checkpoints.Gguf;

/// <summary>ggml's blocks of 256 elements with scales of their own for each 16 or 32, as <c>ggml-quants.c</c> decodes them.</summary>
internal static class KBlocks
{
    private const int Size = 256;

    /// <summary>Eight groups of 32: d · scale · q − dmin · minimum, with 6-bit scales and minima.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ4_K(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (start, at) = (0, 0); start < y.Length; start += Size, at += 144)
        {
            var (d, dMin) = (LegacyBlocks.HalfAt(blocks, at), LegacyBlocks.HalfAt(blocks, at + 2));
            var scales = blocks.Slice(at + 4, 12);
            for (var group = 0; group < 8; group++)
            {
                var (scale, minimum) = ScaleAndMinimum(scales, group);
                var (groupScale, groupMinimum) = (d * scale, dMin * minimum);
                var codes = blocks.Slice(at + 16 + group / 2 * 32, 32);
                var shift = group % 2 * 4;
                var target = y.Slice(start + group * 32, 32);
                for (var i = 0; i < 32; i++) target[i] = groupScale * ((codes[i] >> shift) & 15) - groupMinimum;
            }
        }
    }

    /// <summary>As Q4_K, with a fifth bit of every element in bytes of their own.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ5_K(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (start, at) = (0, 0); start < y.Length; start += Size, at += 176)
        {
            var (d, dMin) = (LegacyBlocks.HalfAt(blocks, at), LegacyBlocks.HalfAt(blocks, at + 2));
            var scales = blocks.Slice(at + 4, 12);
            var fifth = blocks.Slice(at + 16, 32);
            for (var group = 0; group < 8; group++)
            {
                var (scale, minimum) = ScaleAndMinimum(scales, group);
                var (groupScale, groupMinimum) = (d * scale, dMin * minimum);
                var codes = blocks.Slice(at + 48 + group / 2 * 32, 32);
                var shift = group % 2 * 4;
                var target = y.Slice(start + group * 32, 32);
                for (var i = 0; i < 32; i++) target[i] = groupScale * (((codes[i] >> shift) & 15) + ((fifth[i] >> group & 1) << 4)) - groupMinimum;
            }
        }
    }

    /// <summary>Sixteen groups of 16: d · scale · (q − 32), four bits in one place and two in another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void DecodeQ6_K(ReadOnlySpan<byte> blocks, Span<float> y)
    {
        for (var (start, at) = (0, 0); start < y.Length; start += Size, at += 210)
        {
            var low = blocks.Slice(at, 128);
            var high = blocks.Slice(at + 128, 64);
            var scales = blocks.Slice(at + 192, 16);
            var d = LegacyBlocks.HalfAt(blocks, at + 208);
            for (var quarter = 0; quarter < 8; quarter++)
            {
                var (half, part) = (quarter / 4, quarter % 4);
                var nibbles = low.Slice(half * 64 + part % 2 * 32, 32);
                var pairs = high.Slice(half * 32, 32);
                var target = y.Slice(start + quarter * 32, 32);
                for (var i = 0; i < 32; i++)
                {
                    var code = ((nibbles[i] >> (part / 2 * 4)) & 15) | (((pairs[i] >> (part * 2)) & 3) << 4);
                    target[i] = d * (sbyte)scales[quarter * 2 + i / 16] * (code - 32);
                }
            }
        }
    }

    /// <summary>The 6-bit scale and minimum of a group: the first four lie whole in eight bytes, the upper bits of the others on top of them.</summary>
    private static (int Scale, int Minimum) ScaleAndMinimum(ReadOnlySpan<byte> packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 15) | (packed[group - 4] >> 6 << 4), (packed[group + 4] >> 4) | (packed[group] >> 6 << 4));
}
