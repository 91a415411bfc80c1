namespace QLora.Training;

/// <summary>How the learning rate runs over a training run, as transformers' <c>get_scheduler</c> computes it.</summary>
public enum LearningRateScheduleKind
{
    /// <summary>Up to the rate over the warm-up, then down to zero along half a cosine.</summary>
    Cosine,
    /// <summary>Up to the rate over the warm-up, then down to zero along a line.</summary>
    Linear,
    /// <summary>Up to the rate over the warm-up, then unchanged.</summary>
    Constant,
}

/// <summary>The learning rate of every step.</summary>
/// <param name="Kind">How it runs after the warm-up.</param>
/// <param name="Rate">The highest rate.</param>
/// <param name="WarmupSteps">Steps over which it grows from zero.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
public readonly record struct LearningRateSchedule(LearningRateScheduleKind Kind, double Rate, int WarmupSteps, int TotalSteps)
{
    /// <summary>The rate of a step.</summary>
    /// <param name="step">Counted from 0.</param>
    public double At(int step)
    {
        if (step < WarmupSteps) return Rate * step / Math.Max(1, WarmupSteps);
        if (Kind == LearningRateScheduleKind.Constant) return Rate;
        var done = (double)(step - WarmupSteps) / Math.Max(1, TotalSteps - WarmupSteps);
        return Kind == LearningRateScheduleKind.Linear
            ? Rate * Math.Max(0, 1 - done)
            : Rate * Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * done)));
    }
}
