using System.Runtime.CompilerServices;

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
            var max = BlockQuantizer.LargestMagnitude(elements);
            absMax[block] = max;
            map.Encode(elements, 1 / MathF.Max(max, BlockQuantizer.SmallestDivisor), codes[start..]);
        }
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
