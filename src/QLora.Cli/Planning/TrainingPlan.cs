using QLora.Adapters;
using QLora.Data;
using QLora.Planning;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Cli.Planning;

/// <summary>The plan of a run whose data is known.</summary>
internal static class TrainingPlan
{
    /// <summary>Makes it: for the longest examples there are, and for as many supervised tokens as the most of them have.</summary>
    /// <param name="planner">Of the model and what it would run on.</param>
    /// <param name="lora">The adapter; null to train every weight.</param>
    /// <param name="options">The settings of the run.</param>
    /// <param name="computeDType">The type of its activations.</param>
    /// <param name="data">What it learns from.</param>
    /// <param name="evaluation">What it is evaluated on; null for nothing.</param>
    /// <param name="memory">Bytes that there are.</param>
    public static PlanReport Of(
        MemoryPlanner planner, LoraConfig? lora, TrainingOptions options, DType computeDType, Dataset data, Dataset? evaluation, long memory)
    {
        var length = (int)Math.Max(2, options.Packing ? Math.Min(data.MaxLength, data.Tokens) : data.LongestExample);
        var run = new PlannedRun
        {
            Lora = lora,
            BatchSize = (int)Math.Min(options.BatchSize, data.Examples.Count),
            GradientAccumulationSteps = options.GradientAccumulationSteps,
            MaxLength = length,
            GradientCheckpointing = options.GradientCheckpointing,
            Optimizer = options.Optimizer,
            ComputeDType = computeDType,
            SupervisedShare = options.Packing ? 1 : Math.Min(1, (double)data.Examples.Max(example => example.SupervisedTokens) / length),
            EvaluationLength = evaluation is null ? 0 : (int)Math.Min(evaluation.Tokens, Math.Max(Evaluator.TokensPerBatch, evaluation.LongestExample)),
        };
        return PlanReport.Of(planner, run, memory);
    }
}
