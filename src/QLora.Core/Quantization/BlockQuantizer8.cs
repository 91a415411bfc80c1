using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace QLora.Quantization;

/// <summary>Blockwise 8-bit quantisation with a <see cref="DynamicMap"/>, bit for bit as bitsandbytes' <c>quantize_blockwise</c> computes it on a processor.</summary>
public static class BlockQuantizer8
{
    /// <summary>Quantises whole blocks; the last may be short. Runs of blocks may be quantised apart, by several threads.</summary>
    /// <param name="source">The elements, from the start of a block on.</param>
    /// <param name="map">The code.</param>
    /// <param name="blockSize">Elements that share a scale.</param>
    /// <param name="codes">Takes an index into the map for each element.</param>
    /// <param name="absMax">Takes the scale of each block.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize(ReadOnlySpan<float> source, DynamicMap map, int blockSize, Span<byte> codes, Span<float> absMax)
    {
        for (var block = 0; block < absMax.Length; block++)
        {
            var start = block * blockSize;
            var elements = source.Slice(start, Math.Min(blockSize, source.Length - start));
            var max = LargestMagnitude(elements);
            absMax[block] = max;
            map.Encode(elements, 1 / MathF.Max(max, BlockQuantizer.SmallestDivisor), codes[start..]);
        }
    }

    /// <summary>The largest magnitude, NaN when one is: without the sign, numbers are ordered as their bits are, and NaN is above all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float LargestMagnitude(ReadOnlySpan<float> elements)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<int>>(elements);
        var largest = Vector<int>.Zero;
        foreach (var vector in vectors) largest = Vector.Max(largest, vector & new Vector<int>(int.MaxValue));
        var bits = 0;
        for (var i = 0; i < Vector<int>.Count; i++) bits = Math.Max(bits, largest[i]);
        foreach (var element in elements[(vectors.Length * Vector<int>.Count)..]) bits = Math.Max(bits, BitConverter.SingleToInt32Bits(MathF.Abs(element)));
        return BitConverter.Int32BitsToSingle(bits);
    }

    /// <summary>Element i ← map[code i] · absMax[i / blockSize], with the 256 values of a map as they were stored.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize(ReadOnlySpan<byte> codes, ReadOnlySpan<float> map, ReadOnlySpan<float> absMax, int blockSize, Span<float> destination)
    {
        for (int block = 0, start = 0; start < destination.Length; block++, start += blockSize)
        {
            var (scale, end) = (absMax[block], Math.Min(start + blockSize, destination.Length));
            for (var i = start; i < end; i++) destination[i] = map[codes[i]] * scale;
        }
    }
}
