using QLora.Tensors;

namespace QLora.Checkpoints.Gguf;

/// <summary>Decodes whole blocks to Float32.</summary>
/// <param name="blocks">The bytes of the blocks.</param>
/// <param name="destination">Takes their elements.</param>
public delegate void BlockDecoder(ReadOnlySpan<byte> blocks, Span<float> destination);

/// <summary>How a tensor of a GGUF file is stored, by ggml's numbers and names.</summary>
/// <param name="Id">ggml's number.</param>
/// <param name="Name">ggml's name.</param>
/// <param name="BlockSize">Elements of a block.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
/// <param name="Decode">Decodes blocks; null where it is not supported.</param>
public sealed record GgmlType(uint Id, string Name, int BlockSize, int BlockBytes, BlockDecoder? Decode)
{
    private static readonly Dictionary<uint, GgmlType> Types = new GgmlType[]
    {
        new(0, "F32", 1, 4, (blocks, y) => FloatDecoder.Decode(blocks, Tensors.DType.Float32, y)) { StoredType = Tensors.DType.Float32 },
        new(1, "F16", 1, 2, (blocks, y) => FloatDecoder.Decode(blocks, Tensors.DType.Float16, y)) { StoredType = Tensors.DType.Float16 },
        new(2, "Q4_0", 32, 18, LegacyBlocks.DecodeQ4_0),
        new(3, "Q4_1", 32, 20, LegacyBlocks.DecodeQ4_1),
        new(6, "Q5_0", 32, 22, LegacyBlocks.DecodeQ5_0),
        new(7, "Q5_1", 32, 24, LegacyBlocks.DecodeQ5_1),
        new(8, "Q8_0", 32, 34, LegacyBlocks.DecodeQ8_0) { StoredType = Tensors.DType.Q8 },
        new(9, "Q8_1", 32, 36, null),
        new(10, "Q2_K", 256, 84, null),
        new(11, "Q3_K", 256, 110, null),
        new(12, "Q4_K", 256, 144, KBlocks.DecodeQ4_K),
        new(13, "Q5_K", 256, 176, KBlocks.DecodeQ5_K),
        new(14, "Q6_K", 256, 210, KBlocks.DecodeQ6_K),
        new(15, "Q8_K", 256, 292, null),
        new(16, "IQ2_XXS", 256, 66, null),
        new(17, "IQ2_XS", 256, 74, null),
        new(18, "IQ3_XXS", 256, 98, null),
        new(19, "IQ1_S", 256, 50, null),
        new(20, "IQ4_NL", 32, 18, null),
        new(21, "IQ3_S", 256, 110, null),
        new(22, "IQ2_S", 256, 82, null),
        new(23, "IQ4_XS", 256, 136, null),
        new(24, "I8", 1, 1, null),
        new(25, "I16", 1, 2, null),
        new(26, "I32", 1, 4, null),
        new(27, "I64", 1, 8, null),
        new(28, "F64", 1, 8, null),
        new(29, "IQ1_M", 256, 56, null),
        new(30, "BF16", 1, 2, (blocks, y) => FloatDecoder.Decode(blocks, Tensors.DType.BFloat16, y)) { StoredType = Tensors.DType.BFloat16 },
        new(34, "TQ1_0", 256, 54, null),
        new(35, "TQ2_0", 256, 66, null),
        new(39, "MXFP4", 32, 17, null),
        new(40, "NVFP4", 64, 36, null),
    }.ToDictionary(type => type.Id);

    /// <summary>The type of tensors that are laid out like it; null for other blocks.</summary>
    public DType? StoredType { get; private init; }

    /// <summary>The names of the types that are decoded.</summary>
    internal static string SupportedNames => string.Join(", ", Types.Values.Where(type => type.Decode is not null).Select(type => type.Name));

    internal static GgmlType FromId(uint id, string path, string tensor)
        => Types.TryGetValue(id, out var type) ? type : throw new QLoraException($"{path}: tensor {tensor} has type {id}, which is not known");
}
