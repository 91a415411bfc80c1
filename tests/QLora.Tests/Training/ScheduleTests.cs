using System.Text.Json;
using QLora.Testing;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>Learning rates against those of transformers.</summary>
public class ScheduleTests
{
    [Theory]
    [InlineData("cosine", LearningRateScheduleKind.Cosine, true)]
    [InlineData("linear", LearningRateScheduleKind.Linear, true)]
    [InlineData("constant_with_warmup", LearningRateScheduleKind.Constant, true)]
    [InlineData("constant", LearningRateScheduleKind.Constant, false)] // transformers' own of this name ignores the warm-up
    public void EveryStepsRateIsTheRecordedOne(string name, LearningRateScheduleKind kind, bool hasWarmup)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(TestData.Golden("train/schedules.json")));
        var golden = document.RootElement.GetProperty(name);
        var schedule = new LearningRateSchedule(
            kind, golden.GetProperty("base_lr").GetDouble(), hasWarmup ? golden.GetProperty("warmup_steps").GetInt32() : 0, golden.GetProperty("total_steps").GetInt32());
        var rates = golden.GetProperty("lr").EnumerateArray().Select(rate => rate.GetDouble()).ToList();
        Assert.Equal(100, rates.Count);
        for (var step = 0; step < rates.Count; step++) Assert.Equal(rates[step], schedule.At(step), 1e-15);
    }

    [Theory]
    [InlineData(LearningRateScheduleKind.Cosine), InlineData(LearningRateScheduleKind.Linear), InlineData(LearningRateScheduleKind.Constant)]
    public void AWarmUpAsLongAsTheRunIsAllRising(LearningRateScheduleKind kind)
    {
        var schedule = new LearningRateSchedule(kind, 1, WarmupSteps: 4, TotalSteps: 4);
        Assert.Equal([0, 0.25, 0.5, 0.75], Enumerable.Range(0, 4).Select(schedule.At));
    }
}
