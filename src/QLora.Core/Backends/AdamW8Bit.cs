using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends;

/// <summary>A moment of 8-bit AdamW: element i is map[code i] · absMax[i / <see cref="BlockSize"/>] of the flattened parameter.</summary>
/// <param name="Codes">UInt8 of the parameter's shape: indices into a <see cref="DynamicMap"/>.</param>
/// <param name="AbsMax">(<see cref="BlockCount"/>) Float32: the largest magnitude of each block; the last block may be short.</param>
public readonly record struct QuantizedMoment(Tensor Codes, Tensor AbsMax)
{
    /// <summary>Elements that share a scale, as in bitsandbytes since 0.44.</summary>
    public const int BlockSize = 256;

    /// <summary>Blocks of a parameter of so many elements.</summary>
    public static int BlockCount(long count) => BlockQuantizer.BlockCount(count, BlockSize);
}

public abstract partial class Backend
{
    /// <summary>
    /// One step of AdamW with moments of 8 bits (Dettmers et al., arXiv:2110.02861, section 2), code for code as bitsandbytes computes it on a processor: both moments are
    /// decoded, the step of <see cref="AdamW"/> is taken in single precision, and each block of the new moments is quantised anew, by its own largest magnitude.
    /// </summary>
    /// <remarks>Codes and scales of zero are moments of zero.</remarks>
    /// <param name="parameter">Float32 of any shape.</param>
    /// <param name="gradient">Float32 of the same shape, finite; not changed.</param>
    /// <param name="firstMoment">By <see cref="DynamicMap.Signed"/>.</param>
    /// <param name="secondMoment">By <see cref="DynamicMap.Unsigned"/>.</param>
    /// <param name="step">Rates and the step's number.</param>
    /// <exception cref="ArgumentException">A shape or a type is another one; the message names the operand.</exception>
    public void AdamW8Bit(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step)
    {
        const string Op = nameof(AdamW8Bit);
        CheckStep(Op, parameter, gradient, step);
        CheckMoment(Op, nameof(firstMoment), firstMoment, parameter);
        CheckMoment(Op, nameof(secondMoment), secondMoment, parameter);
        AdamW8BitCore(parameter, gradient, firstMoment, secondMoment, step);
    }

    /// <summary>Backend part of <see cref="AdamW8Bit"/>; shapes are checked.</summary>
    protected abstract void AdamW8BitCore(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step);

    private static void CheckMoment(string op, string name, QuantizedMoment moment, Tensor parameter)
    {
        var (codes, absMax) = moment;
        var blocks = QuantizedMoment.BlockCount(parameter.Count);
        Check.That(codes.DType == DType.UInt8 && codes.Shape == parameter.Shape, op, $"{name} has codes of {codes}, expected UInt8 {parameter.Shape}");
        Check.That(absMax.DType == DType.Float32 && absMax.Shape == new Shape(blocks), op, $"{name} has scales of {absMax}, expected Float32 [{blocks}]");
    }
}
