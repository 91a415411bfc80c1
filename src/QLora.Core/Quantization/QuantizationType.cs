namespace QLora.Quantization;

/// <summary>The 4-bit code that a frozen weight is stored in.</summary>
public enum QuantizationType
{
    /// <summary>NormalFloat: sixteen quantiles of a normal distribution (QLoRA, arXiv:2305.14314, appendix E).</summary>
    Nf4,
    /// <summary>Four-bit floating point with sign, two exponent bits and one of mantissa, in bitsandbytes' bit patterns.</summary>
    Fp4,
}
