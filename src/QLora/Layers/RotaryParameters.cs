namespace QLora.Layers;

/// <summary>How a model stretches its rotary angles to longer contexts, as transformers names it in <c>rope_type</c>.</summary>
public enum RotaryScaling
{
    /// <summary>Not at all.</summary>
    Default,
    /// <summary>All angles divided by the factor.</summary>
    Linear,
    /// <summary>The base grows with the length of the batch once that exceeds the trained context (NTK-aware).</summary>
    Dynamic,
    /// <summary>Low frequencies divided by the factor, high ones kept, a ramp between (Llama 3.1).</summary>
    Llama3,
    /// <summary>As above with another ramp, and the result scaled (Peng et al., arXiv:2309.00071).</summary>
    Yarn,
    /// <summary>Every frequency divided by a factor of its own, as GGUF files carry them in <c>rope_freqs.weight</c>.</summary>
    Factors,
}

/// <summary>Base and scaling of rotary positions.</summary>
/// <param name="Dimensions">Elements of a head that are rotated; even.</param>
/// <param name="Theta">The base of the frequencies.</param>
/// <param name="Scaling">Whether and how they are stretched.</param>
public sealed record RotaryParameters(int Dimensions, double Theta, RotaryScaling Scaling = RotaryScaling.Default)
{
    /// <summary>By how much the context is stretched.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>The context that the model was first trained with.</summary>
    public int OriginalContext { get; init; }

    /// <summary>Llama 3: wavelengths above OriginalContext / this are divided by the factor.</summary>
    public double LowFrequencyFactor { get; init; } = 1;

    /// <summary>Llama 3: wavelengths below OriginalContext / this are kept.</summary>
    public double HighFrequencyFactor { get; init; } = 4;

    /// <summary>YaRN: rotations within the context above which a frequency is kept.</summary>
    public double BetaFast { get; init; } = 32;

    /// <summary>YaRN: rotations within the context below which a frequency is divided by the factor.</summary>
    public double BetaSlow { get; init; } = 1;

    /// <summary>YaRN: whether the ends of the ramp are rounded to whole dimensions.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>YaRN: the factor of sines and cosines; computed from the other numbers when null.</summary>
    public double? AttentionFactor { get; init; }

    /// <summary>YaRN: the weight of the logarithm in the computed attention factor.</summary>
    public double? MScale { get; init; }

    /// <summary>YaRN: the divisor's weight of the logarithm.</summary>
    public double? MScaleAllDimensions { get; init; }

    /// <summary>The factor of each frequency for <see cref="RotaryScaling.Factors"/>, (Dimensions / 2).</summary>
    public IReadOnlyList<float>? FrequencyFactors { get; init; }

    /// <summary>The longest sequence for a model with a context of <paramref name="context"/>: dynamic and YaRN configs may give the context before it is stretched.</summary>
    internal int StretchedContext(int context) => Scaling is RotaryScaling.Dynamic or RotaryScaling.Yarn
        ? (int)Math.Clamp(Factor * OriginalContext, context, int.MaxValue)
        : context;

    /// <summary>Whether the angles depend on the longest sequence of the batch.</summary>
    internal bool DependsOnLength => Scaling == RotaryScaling.Dynamic;

    /// <summary>Factor of sines and cosines.</summary>
    internal float SineScale => Scaling != RotaryScaling.Yarn ? 1 : (float)(AttentionFactor ?? (MScale is { } m && MScaleAllDimensions is { } all
        ? YarnScale(m) / YarnScale(all)
        : YarnScale(1)));

    /// <summary>
    /// The inverse frequencies, (Dimensions / 2), as transformers computes them in <c>modeling_rope_utils.py</c>, in single precision at the same places.
    /// </summary>
    /// <param name="length">The longest sequence of the batch.</param>
    internal float[] InverseFrequencies(int length)
    {
        var theta = Theta;
        if (Scaling == RotaryScaling.Dynamic && length > OriginalContext)
        {
            theta *= Math.Pow(Factor * length / OriginalContext - (Factor - 1), Dimensions / (Dimensions - 2.0));
        }

        var frequencies = new float[Dimensions / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            var frequency = 1f / (float)Math.Pow(theta, (float)(2 * i) / Dimensions);
            frequencies[i] = Scaling switch
            {
                RotaryScaling.Linear => frequency / (float)Factor,
                RotaryScaling.Llama3 => Llama3(frequency),
                RotaryScaling.Yarn => Yarn(frequency, i),
                RotaryScaling.Factors => frequency / FrequencyFactors![i],
                _ => frequency,
            };
        }

        return frequencies;
    }

    private float Llama3(float frequency)
    {
        var wavelength = 2 * Math.PI / frequency;
        if (wavelength > OriginalContext / LowFrequencyFactor) return (float)(frequency / Factor);
        if (wavelength < OriginalContext / HighFrequencyFactor) return frequency;
        var smooth = (OriginalContext / wavelength - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (float)((1 - smooth) * frequency / Factor + smooth * frequency);
    }

    private float Yarn(float frequency, int index)
    {
        var low = CorrectionDimension(BetaFast);
        var high = CorrectionDimension(BetaSlow);
        if (Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, Dimensions - 1));
        if (low == high) high += 0.001;
        var stretched = Math.Clamp((index - low) / (high - low), 0, 1);
        return (float)(frequency / Factor * stretched + frequency * (1 - stretched));
    }

    private double CorrectionDimension(double rotations) => Dimensions * Math.Log(OriginalContext / (rotations * 2 * Math.PI)) / (2 * Math.Log(Theta));

    private double YarnScale(double weight) => Factor <= 1 ? 1 : 0.1 * weight * Math.Log(Factor) + 1;
}
