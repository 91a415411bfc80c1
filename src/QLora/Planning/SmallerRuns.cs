using QLora.Autograd;
using QLora.Tensors;

namespace QLora.Planning;

/// <summary>What a run can become so that it needs less memory, in the order of what it costs: time first, then what is learnt.</summary>
internal static class SmallerRuns
{
    private const int ShortestLength = 64;

    /// <summary>Each smaller than the one before, and with all that the one before gave up.</summary>
    /// <param name="run">What was wanted.</param>
    /// <param name="canOffload">Whether the device has memory of its own.</param>
    public static IEnumerable<PlannedRun> Of(PlannedRun run, bool canOffload)
    {
        if (run.GradientCheckpointing == GradientCheckpointing.None) yield return run = run with { GradientCheckpointing = GradientCheckpointing.Recompute };
        while (run.BatchSize > 1)
        {
            // As many examples in a step as before, or some more where they cannot be halved.
            var batch = run.BatchSize / 2;
            var examples = run.BatchSize * run.GradientAccumulationSteps;
            yield return run = run with { BatchSize = batch, GradientAccumulationSteps = (examples + batch - 1) / batch };
        }

        if (canOffload && run.GradientCheckpointing != GradientCheckpointing.Offload) yield return run = run with { GradientCheckpointing = GradientCheckpointing.Offload };
        if (run.ComputeDType != DType.BFloat16) yield return run = run with { ComputeDType = DType.BFloat16 };
        while (run.MaxLength > ShortestLength) yield return run = run with { MaxLength = Math.Max(ShortestLength, run.MaxLength / 2) };
        while (run.Lora is { Rank: > 1 } lora) yield return run = run with { Lora = lora with { Rank = lora.Rank / 2 } };
    }
}
