using System.Diagnostics;
using QLora.Cli.Frame;
using QLora.Training;

namespace QLora.Cli.Training;

/// <summary>Tells how a run goes: a line that is written over on a terminal, a line now and then elsewhere.</summary>
/// <param name="context">Where messages go.</param>
/// <param name="trainer">The run.</param>
internal sealed class TrainingProgress(CommandContext context, Trainer trainer) : IProgress<StepMetrics>
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    private readonly int _firstStep = trainer.StepsDone;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _lastLine;

    /// <inheritdoc/>
    public void Report(StepMetrics step)
    {
        var line = Describe(step);
        if (step.EvaluationLoss is { } loss) context.Note($"{line}  evaluation loss {loss:F4}");
        else if (context.Status.IsLive) context.Status.Show(line);
        else if (_lastLine == 0 || step.Step == step.TotalSteps || Stopwatch.GetElapsedTime(_lastLine) >= Pause) context.Note(line);
        else return;
        _lastLine = Stopwatch.GetTimestamp();
    }

    private string Describe(StepMetrics step)
    {
        var secondsPerStep = Stopwatch.GetElapsedTime(_start).TotalSeconds / (step.Step - _firstStep);
        var left = Numbers.Time(secondsPerStep * (step.TotalSteps - step.Step));
        return $"step {step.Step}/{step.TotalSteps}  loss {step.Loss:F4}  {step.TokensPerSecond:F0} tokens/s  {left} left";
    }
}
