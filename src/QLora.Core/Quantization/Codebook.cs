namespace QLora.Quantization;

/// <summary>The sixteen values of a 4-bit code, in bitsandbytes' own order and bits.</summary>
public sealed class Codebook
{
    private readonly float[] _values;
    private readonly float[] _thresholds;
    private readonly int[] _codeOfRank;

    private Codebook(float[] values)
    {
        _values = values;
        _codeOfRank = [.. Enumerable.Range(0, values.Length).OrderBy(code => values[code])];
        _thresholds = new float[values.Length - 1];
        for (var i = 0; i < _thresholds.Length; i++) _thresholds[i] = (values[_codeOfRank[i]] + values[_codeOfRank[i + 1]]) / 2;
    }

    /// <summary>NF4: quantiles of a normal distribution, −1 to 1 (QLoRA, arXiv:2305.14314, appendix E).</summary>
    public static Codebook Nf4 { get; } = new(
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ]);

    /// <summary>FP4: bit 3 is the sign, the magnitudes are 0, 1/192, 8/12, 1, 4/12, 6/12, 2/12, 3/12 by bit pattern.</summary>
    public static Codebook Fp4 { get; } = new(
    [
        0f, 0.0052083333333333f, 0.6666666666666666f, 1f, 0.3333333333333333f, 0.5f, 0.1666666666666667f, 0.25f,
        0f, -0.0052083333333333f, -0.6666666666666666f, -1f, -0.3333333333333333f, -0.5f, -0.1666666666666667f, -0.25f,
    ]);

    /// <summary>Code to value.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>The midpoints between neighbouring values, ascending. A number takes the code whose rank is the count of thresholds below it.</summary>
    internal ReadOnlySpan<float> Thresholds => _thresholds;

    /// <summary>
    /// The codes by ascending value. FP4 has two zeros, the second of which (code 8) bitsandbytes gives to small positive numbers.
    /// </summary>
    internal ReadOnlySpan<int> CodeOfRank => _codeOfRank;

    /// <summary>The values of a code.</summary>
    public static Codebook Of(QuantizationType type) => type switch
    {
        QuantizationType.Nf4 => Nf4,
        QuantizationType.Fp4 => Fp4,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown 4-bit code"),
    };
}
