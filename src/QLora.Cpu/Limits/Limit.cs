namespace QLora.Cpu;

/// <summary>A limit of a machine.</summary>
/// <param name="Sustained">What was reached over a while.</param>
/// <param name="Peak">What was reached at the best moment of it.</param>
public readonly record struct Limit(double Sustained, double Peak)
{
    /// <summary>The middle of what was measured at several times, and the best moment of all.</summary>
    /// <param name="measured">At least one.</param>
    public static Limit Of(IReadOnlyCollection<Limit> measured) =>
        new(measured.Select(limit => limit.Sustained).Order().ElementAt(measured.Count / 2), measured.Max(limit => limit.Peak));
}
