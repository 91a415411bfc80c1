namespace QLora.Training;

/// <summary>What a training run came to.</summary>
/// <param name="Steps">Optimizer steps of the whole run, those before a resume included.</param>
/// <param name="Loss">Of the last step, before its update.</param>
/// <param name="EvaluationLoss">On the evaluation data after the last step; null without such data.</param>
/// <param name="TokensPerSecond">All tokens over <paramref name="TrainSeconds"/>.</param>
/// <param name="TrainSeconds">The time of the steps that this process took, without evaluations and checkpoints.</param>
/// <param name="PeakMemoryBytes">The highest resident memory of the process, as the system counts it.</param>
/// <param name="TrainableParameters">How many numbers were trained.</param>
public sealed record TrainingReport(
    int Steps, double Loss, double? EvaluationLoss, double TokensPerSecond, double TrainSeconds, long PeakMemoryBytes, long TrainableParameters);
