namespace QLora.Models;

/// <summary>
/// Sizes above which a config is taken for broken: far beyond every published model, and so small that no product of them overflows and no list by them fills the memory.
/// </summary>
internal static class Largest
{
    /// <summary>Blocks of a model.</summary>
    public const int Layers = 10_000;

    /// <summary>Elements of the residual stream, of the MLP's inside, of all heads together.</summary>
    public const int Width = 1 << 20;

    /// <summary>Experts of a layer.</summary>
    public const int Experts = 1 << 14;

    /// <summary>Tokens of a vocabulary.</summary>
    public const int Vocabulary = 1 << 26;
}
