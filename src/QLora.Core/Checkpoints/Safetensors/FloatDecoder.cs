using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using QLora.Tensors;

namespace QLora.Checkpoints;

/// <summary>Widens stored floating-point numbers to Float32, exactly.</summary>
internal static class FloatDecoder
{
    /// <summary>Decodes as many elements as the destination holds.</summary>
    public static void Decode(ReadOnlySpan<byte> bytes, DType dtype, Span<float> destination)
    {
        switch (dtype)
        {
            case DType.Float32:
                bytes.CopyTo(MemoryMarshal.AsBytes(destination));
                break;
            case DType.Float16:
                TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(bytes), destination);
                break;
            case DType.BFloat16:
                DecodeBFloat16(MemoryMarshal.Cast<byte, ushort>(bytes), destination);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a floating-point type");
        }
    }

    private static void DecodeBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        var i = 0;
        for (; i + 16 <= source.Length; i += 16)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(source[i..]));
            (low << 16).AsSingle().CopyTo(destination[i..]);
            (high << 16).AsSingle().CopyTo(destination[(i + 8)..]);
        }

        for (; i < source.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)source[i] << 16);
    }
}
