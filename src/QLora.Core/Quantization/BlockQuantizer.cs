using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using QLora.Backends;
using QLora.Tensors;

namespace QLora.Quantization;

/// <summary>
/// Blockwise 4-bit quantisation, bit for bit as bitsandbytes computes it on a processor: the flattened weight is cut into blocks, each block's largest
/// magnitude is its scale, and every element becomes the code nearest to its share of the scale.
/// </summary>
public static class BlockQuantizer
{
    internal const float SmallestDivisor = 1e-38f; // keeps blocks of zeros and denormals from dividing by zero

    /// <summary>Blocks of a weight.</summary>
    public static int BlockCount(long count, int blockSize) => checked((int)((count + blockSize - 1) / blockSize));

    /// <summary>Bytes of the codes of a weight.</summary>
    public static long CodeBytes(long count) => (count + 1) / 2;

    /// <summary>Quantises whole blocks; the last may be short. Runs of blocks may be quantised apart, by several threads.</summary>
    /// <param name="source">The elements, from the start of a block on.</param>
    /// <param name="type">The code.</param>
    /// <param name="blockSize">Elements that share a scale; a power of two from 2 up.</param>
    /// <param name="codes">Takes two codes a byte, the even element in the high nibble.</param>
    /// <param name="absMax">Takes the scale of each block.</param>
    public static void Quantize(ReadOnlySpan<float> source, QuantizationType type, int blockSize, Span<byte> codes, Span<float> absMax)
    {
        var codebook = Codebook.Of(type);
        for (var block = 0; block < absMax.Length; block++)
        {
            var start = block * blockSize;
            var elements = source.Slice(start, Math.Min(blockSize, source.Length - start));
            var packed = codes.Slice(start / 2, (elements.Length + 1) / 2);
            absMax[block] = QuantizeBlock(elements, codebook, packed);
        }
    }

    /// <summary>Element i ← codebook[code i] · absMax[i / blockSize].</summary>
    /// <param name="codes">Two codes a byte.</param>
    /// <param name="absMax">The scale of each block.</param>
    /// <param name="type">The code.</param>
    /// <param name="blockSize">Elements that share a scale.</param>
    /// <param name="destination">Takes the elements.</param>
    public static void Dequantize(ReadOnlySpan<byte> codes, ReadOnlySpan<float> absMax, QuantizationType type, int blockSize, Span<float> destination)
    {
        var values = Codebook.Of(type).Values;
        for (var i = 0; i < destination.Length; i++)
        {
            var pair = codes[i / 2];
            destination[i] = values[i % 2 == 0 ? pair >> 4 : pair & 15] * absMax[i / blockSize];
        }
    }

    /// <summary>A 4-bit tensor in a backend's memory from a weight in host memory.</summary>
    /// <param name="weight">The flattened (out, in) weight.</param>
    /// <param name="shape">(out, in).</param>
    /// <param name="type">The code.</param>
    /// <param name="blockSize">Elements that share a scale; a power of two from 2 up.</param>
    /// <param name="doubleQuantization">Whether the scales are quantised to 8 bits themselves.</param>
    /// <param name="backend">Where the tensor shall lie.</param>
    public static QuantizedTensor Quantize(ReadOnlySpan<float> weight, Shape shape, QuantizationType type, int blockSize, bool doubleQuantization, Backend backend)
    {
        var codes = new byte[CodeBytes(weight.Length)];
        var absMax = new float[BlockCount(weight.Length, blockSize)];
        Quantize(weight, type, blockSize, codes, absMax);
        return Upload(codes, absMax, shape, type, blockSize, doubleQuantization, backend);
    }

    /// <summary>A 4-bit tensor in a backend's memory from codes and scales.</summary>
    /// <param name="codes">Two codes a byte.</param>
    /// <param name="absMax">The scale of each block.</param>
    /// <param name="shape">(out, in).</param>
    /// <param name="type">The code.</param>
    /// <param name="blockSize">Elements that share a scale.</param>
    /// <param name="doubleQuantization">Whether the scales are quantised to 8 bits.</param>
    /// <param name="backend">Where the tensor shall lie.</param>
    public static QuantizedTensor Upload(
        ReadOnlySpan<byte> codes, ReadOnlySpan<float> absMax, Shape shape, QuantizationType type, int blockSize, bool doubleQuantization, Backend backend)
    {
        var tensor = Allocate(shape, type, blockSize, doubleQuantization, backend);
        backend.CopyFromHost(codes, tensor.Codes);
        return UploadScales(absMax, tensor, backend);
    }

    /// <summary>The same tensor with these scales, quantised to 8 bits if it has room for such.</summary>
    internal static QuantizedTensor UploadScales(ReadOnlySpan<float> absMax, QuantizedTensor tensor, Backend backend)
    {
        if (tensor.Nested is not { } nested)
        {
            backend.CopyFromHost(absMax, tensor.AbsMax);
            return tensor;
        }

        var scales = DoubleQuantization.Quantize(absMax);
        backend.CopyFromHost(DynamicMap.Signed.Values, nested.Code);
        backend.CopyFromHost<float>(scales.AbsMax, nested.AbsMax);
        backend.CopyFromHost<byte>(scales.Codes, tensor.AbsMax);
        return tensor with { Nested = nested with { Offset = scales.Offset } };
    }

    /// <summary>A 4-bit tensor in a backend's memory with undefined content.</summary>
    internal static QuantizedTensor Allocate(Shape shape, QuantizationType type, int blockSize, bool doubleQuantization, Backend backend)
    {
        var blocks = BlockCount(shape.Count, blockSize);
        var codes = backend.Allocate(new Shape(checked((int)CodeBytes(shape.Count))), DType.UInt8);
        var nested = !doubleQuantization ? null : new DoubleQuantizedScales(
            backend.Allocate(new Shape(DynamicMap.Signed.Values.Length)),
            backend.Allocate(new Shape(BlockCount(blocks, DoubleQuantization.BlockSize))),
            Offset: 0, DoubleQuantization.BlockSize);
        return new QuantizedTensor(type, shape, blockSize, codes, backend.Allocate(new Shape(blocks), doubleQuantization ? DType.UInt8 : DType.Float32), nested);
    }

    /// <summary>The weight that a 4-bit tensor in host memory stands for, element by element.</summary>
    /// <param name="tensor">In host memory.</param>
    /// <param name="destination">Takes out · in elements.</param>
    public static void Dequantize(QuantizedTensor tensor, Span<float> destination)
    {
        var absMax = tensor.Nested is { } nested
            ? DoubleQuantization.Dequantize(tensor.AbsMax.Span<byte>(), nested.Code.Span<float>(), nested.AbsMax.Span<float>(), nested.Offset, nested.BlockSize)
            : tensor.AbsMax.Span<float>().ToArray();
        Dequantize(tensor.Codes.Span<byte>(), absMax, tensor.Type, tensor.BlockSize, destination);
    }

    /// <summary>
    /// The code of each element: its rank among the thresholds, which is the same work for eight elements as for one, and then the code of that rank.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float QuantizeBlock(ReadOnlySpan<float> elements, Codebook codebook, Span<byte> packed)
    {
        var absMax = LargestMagnitude(elements);
        var inverse = 1 / MathF.Max(absMax, SmallestDivisor);
        var i = 0;
        for (; i + 16 <= elements.Length; i += 16)
        {
            var first = Encode(Vector256.Create(elements[i..]) * inverse, codebook);
            var second = Encode(Vector256.Create(elements[(i + 8)..]) * inverse, codebook);
            Pack(first, second).CopyTo(packed[(i / 2)..]);
        }

        for (; i < elements.Length; i += 2)
        {
            var high = Encode(elements[i] * inverse, codebook);
            var low = Encode(i + 1 < elements.Length ? elements[i + 1] * inverse : 0, codebook);
            packed[i / 2] = (byte)(high << 4 | low);
        }

        return absMax;
    }

    private static int Encode(float x, Codebook codebook)
    {
        var rank = 0;
        foreach (var threshold in codebook.Thresholds) rank += x > threshold ? 1 : 0;
        return codebook.CodeOfRank[rank];
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Encode(Vector256<float> x, Codebook codebook)
    {
        var rank = Vector256<int>.Zero;
        foreach (var threshold in codebook.Thresholds) rank -= Vector256.GreaterThan(x, Vector256.Create(threshold)).AsInt32();
        var low = Vector256.Shuffle(Vector256.Create(codebook.CodeOfRank[..8]), rank & Vector256.Create(7));
        var high = Vector256.Shuffle(Vector256.Create(codebook.CodeOfRank[8..]), rank & Vector256.Create(7));
        return Vector256.ConditionalSelect(Vector256.GreaterThan(rank, Vector256.Create(7)), high, low);
    }

    /// <summary>The largest magnitude, NaN when one is: without the sign, numbers are ordered as their bits are, and NaN is above all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static float LargestMagnitude(ReadOnlySpan<float> elements)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<int>>(elements);
        var largest = Vector<int>.Zero;
        foreach (var vector in vectors) largest = Vector.Max(largest, vector & new Vector<int>(int.MaxValue));
        var bits = 0;
        for (var i = 0; i < Vector<int>.Count; i++) bits = Math.Max(bits, largest[i]);
        foreach (var element in elements[(vectors.Length * Vector<int>.Count)..]) bits = Math.Max(bits, BitConverter.SingleToInt32Bits(MathF.Abs(element)));
        return BitConverter.Int32BitsToSingle(bits);
    }

    /// <summary>Sixteen codes to eight bytes, the even ones in the high nibbles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector64<byte> Pack(Vector256<int> first, Vector256<int> second)
    {
        var pairs = Vector256.Narrow(first, second).AsInt32(); // an even and an odd code in the halves of each
        var bytes = Vector256.BitwiseOr(pairs << 4, pairs >> 16) & Vector256.Create(0xFF);
        var shorts = Vector128.Narrow(bytes.GetLower(), bytes.GetUpper());
        return Vector128.Narrow(shorts, shorts).AsByte().GetLower();
    }
}
