namespace QLora.Adapters;

/// <summary>The settings of a LoRA adapter, named after PEFT's <c>LoraConfig</c>.</summary>
public sealed record LoraConfig
{
    private const int HighestRank = 1 << 16;

    /// <summary>The inner size of the branches, 1 to 65536; typically 4 to 64.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>Numerator of the scaling, above 0.</summary>
    public float Alpha { get; init; } = 32;

    /// <summary>The share of a branch's input that is dropped in training, at least 0 and below 1.</summary>
    public float Dropout { get; init; }

    /// <summary>Which layers carry a branch.</summary>
    public TargetModules TargetModules { get; init; } = TargetModules.AllLinear;

    /// <summary>Whether the scaling is alpha / √r (Kalajdzievski, arXiv:2312.03732) instead of alpha / r.</summary>
    public bool UseRsLora { get; init; }

    /// <summary>The factor of a branch.</summary>
    public float Scaling => UseRsLora ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="QLoraException">A setting is out of range; the message names it.</exception>
    public LoraConfig Validated()
    {
        if (Rank is < 1 or > HighestRank) throw new QLoraException($"rank is {Rank}, expected 1 to {HighestRank}");
        if (!(Alpha > 0) || !float.IsFinite(Alpha)) throw new QLoraException($"alpha is {Alpha}, expected a number above 0");
        if (!(Dropout >= 0 && Dropout < 1)) throw new QLoraException($"dropout is {Dropout}, expected at least 0 and below 1");
        return this;
    }

    /// <summary>The settings of an adapter on disk.</summary>
    /// <param name="folder">Holds <c>adapter_config.json</c>.</param>
    /// <exception cref="QLoraException">It is missing, broken, or asks for something that this engine does not do.</exception>
    public static LoraConfig Load(string folder) => AdapterFile.ReadConfig(folder);
}
