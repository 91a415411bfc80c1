using QLora.Autograd;

namespace QLora.Verification;

/// <summary>How a model is compared with a reference.</summary>
public sealed record VerificationOptions
{
    /// <summary>The largest relative error of logits, hidden states and losses.</summary>
    public double Tolerance { get; init; } = 1e-4;

    /// <summary>The largest relative error of gradients, which gather the rounding of two passes: ten times <see cref="Tolerance"/>.</summary>
    public double GradientTolerance => 10 * Tolerance;

    /// <summary>What blocks keep for the backward pass.</summary>
    public GradientCheckpointing GradientCheckpointing { get; init; }
}

/// <summary>One recorded tensor or number beside what the model makes of the same input.</summary>
/// <param name="Name">Its name in the reference file.</param>
/// <param name="MaxAbsError">The largest difference of an element.</param>
/// <param name="RelativeError">The Euclidean norm of the differences over that of the record.</param>
/// <param name="Passed">Whether the relative error is within the tolerance.</param>
public sealed record VerificationCheck(string Name, double MaxAbsError, double RelativeError, bool Passed);

/// <summary>Everything that was compared.</summary>
/// <param name="Checks">In the order in which it was compared; at least one.</param>
public sealed record VerificationReport(IReadOnlyList<VerificationCheck> Checks)
{
    /// <summary>Whether all checks passed.</summary>
    public bool Passed => Checks.All(check => check.Passed);
}
