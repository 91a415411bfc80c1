using QLora.Quantization;

namespace QLora.Models;

/// <summary>How the frozen weights of a model are stored in memory.</summary>
/// <param name="Type">The 4-bit code; null to leave every weight as it is in the checkpoint.</param>
/// <param name="BlockSize">Elements that share a scale; a power of two from 2 up.</param>
/// <param name="Double">Whether the scales are quantised to 8 bits themselves.</param>
public sealed record QuantizationOptions(QuantizationType? Type = QuantizationType.Nf4, int BlockSize = 64, bool Double = true)
{
    /// <summary>Full precision throughout.</summary>
    public static QuantizationOptions None { get; } = new((QuantizationType?)null);
}
