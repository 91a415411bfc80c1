using QLora.Tensors;

namespace QLora.Backends.Reference;

/// <summary>Reading a weight, whatever it is stored as.</summary>
internal static class Elements
{
    /// <summary>All elements in single precision, of which each other format is a subset.</summary>
    public static ReadOnlySpan<float> Widened(Tensor tensor) => tensor.DType switch
    {
        DType.Float32 => tensor.Span<float>(),
        DType.BFloat16 => Array.ConvertAll(tensor.Span<ushort>().ToArray(), BFloat16.Widen),
        DType.Float16 => Array.ConvertAll(tensor.Span<Half>().ToArray(), value => (float)value),
        DType.Q8 => Widened(tensor.Span<Q8Block>()),
        _ => throw new ArgumentException($"{tensor} holds no floating-point numbers"),
    };

    private static unsafe float[] Widened(ReadOnlySpan<Q8Block> blocks)
    {
        var values = new float[blocks.Length * Q8Block.Count];
        for (var i = 0; i < values.Length; i++) values[i] = (float)blocks[i / Q8Block.Count].Scale * blocks[i / Q8Block.Count].Codes[i % Q8Block.Count];
        return values;
    }
}
