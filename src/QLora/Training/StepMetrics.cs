namespace QLora.Training;

/// <summary>What one optimizer step was: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">The number of the step, from 1.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="Epoch">Passes over the data that are done after it, with a fraction.</param>
/// <param name="Loss">Mean over its supervised tokens, before the update.</param>
/// <param name="GradientNorm">Of all gradients together, before clipping.</param>
/// <param name="LearningRate">Of this step.</param>
/// <param name="Tokens">All its tokens.</param>
/// <param name="SupervisedTokens">Those that the loss counts.</param>
/// <param name="TokensPerSecond">All its tokens over the time of its passes and its update.</param>
/// <param name="PeakMemoryBytes">The highest resident memory of the process so far, as the system counts it.</param>
/// <param name="EvaluationLoss">The loss on the evaluation data after it, where it was measured.</param>
public sealed record StepMetrics(
    int Step, int TotalSteps, double Epoch, double Loss, double GradientNorm, double LearningRate, int Tokens, int SupervisedTokens,
    double TokensPerSecond, long PeakMemoryBytes, double? EvaluationLoss = null);
