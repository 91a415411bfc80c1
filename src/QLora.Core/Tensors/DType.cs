namespace QLora.Tensors;

/// <summary>The type of one element of a <see cref="Tensor"/>.</summary>
public enum DType
{
    /// <summary>IEEE single precision: activations, adapters, gradients, moments of the optimizer.</summary>
    Float32,
    /// <summary>The upper half of a single: frozen weights as published, and activations where memory matters more than their last bits.</summary>
    BFloat16,
    /// <summary>IEEE half precision: frozen weights as published.</summary>
    Float16,
    /// <summary>Token ids, positions, labels.</summary>
    Int32,
    /// <summary>Token ids in reference files.</summary>
    Int64,
    /// <summary>Packed 4-bit codes, 8-bit quantised scales and moments.</summary>
    UInt8,
    /// <summary>Blocks of 32 8-bit integers with a common scale (<see cref="Q8Block"/>): frozen weights as GGUF's Q8_0 publishes them. Rows are whole blocks.</summary>
    Q8,
    /// <summary>IEEE double precision: sums over many elements.</summary>
    Float64,
}

/// <summary>Facts about element types.</summary>
public static class DTypes
{
    /// <summary>Bytes of one element, or of one block.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.BFloat16 or DType.Float16 => 2,
        DType.Int64 or DType.Float64 => 8,
        DType.UInt8 => 1,
        DType.Q8 => 34,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "unknown element type"),
    };

    /// <summary>Elements that are stored together: 1, but for types of blocks.</summary>
    public static int BlockSize(this DType dtype) => dtype == DType.Q8 ? Q8Block.Count : 1;

    /// <summary>Bytes of so many elements, which are whole blocks.</summary>
    public static long Bytes(this DType dtype, long count) => count / dtype.BlockSize() * dtype.Size();
}
