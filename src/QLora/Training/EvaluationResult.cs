namespace QLora.Training;

/// <summary>How well a model predicts a set of examples.</summary>
/// <param name="Loss">Mean cross-entropy over all supervised tokens.</param>
/// <param name="TokenAccuracy">The share of supervised tokens that the model holds for the likeliest.</param>
/// <param name="SupervisedTokens">How many tokens that was.</param>
public sealed record EvaluationResult(double Loss, double TokenAccuracy, long SupervisedTokens)
{
    /// <summary>e^loss.</summary>
    public double Perplexity => Math.Exp(Loss);
}
