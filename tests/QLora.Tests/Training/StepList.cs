using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Keeps what a run reports, in order and at once.</summary>
public sealed class StepList(Action<StepMetrics>? then = null) : IProgress<StepMetrics>
{
    public List<StepMetrics> Steps { get; } = [];

    public void Report(StepMetrics value)
    {
        Steps.Add(value);
        then?.Invoke(value);
    }
}
