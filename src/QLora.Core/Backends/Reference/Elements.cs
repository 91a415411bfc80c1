using QLora.Tensors;

namespace QLora.Backends.Reference;

/// <summary>Reading one element of a weight, whatever it is stored as.</summary>
internal static class Elements
{
    /// <summary>Element <paramref name="index"/> of the flattened tensor, widened; exact, since each half format is a subset of single precision.</summary>
    public static float At(Tensor tensor, int index) => tensor.DType switch
    {
        DType.Float32 => tensor.Span<float>()[index],
        DType.BFloat16 => BitConverter.UInt32BitsToSingle((uint)tensor.Span<ushort>()[index] << 16),
        DType.Float16 => (float)tensor.Span<Half>()[index],
        _ => throw new ArgumentException($"{tensor} holds no floating-point numbers"),
    };
}
