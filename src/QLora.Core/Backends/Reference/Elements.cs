using QLora.Tensors;

namespace QLora.Backends.Reference;

/// <summary>Reading a weight, whatever it is stored as.</summary>
internal static class Elements
{
    /// <summary>All elements in single precision, of which each half format is a subset.</summary>
    public static ReadOnlySpan<float> Widened(Tensor tensor) => tensor.DType switch
    {
        DType.Float32 => tensor.Span<float>(),
        DType.BFloat16 => Array.ConvertAll(tensor.Span<ushort>().ToArray(), bits => BitConverter.UInt32BitsToSingle((uint)bits << 16)),
        DType.Float16 => Array.ConvertAll(tensor.Span<Half>().ToArray(), value => (float)value),
        _ => throw new ArgumentException($"{tensor} holds no floating-point numbers"),
    };
}
