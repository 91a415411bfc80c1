using System.Text.Json.Nodes;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Planning;
using QLora.Tensors;
using QLora.Training;
using Spectre.Console;

namespace QLora.Cli.Planning;

/// <summary>A plan beside the memory that there is, for people and for scripts.</summary>
/// <param name="Plan">What the run needs.</param>
/// <param name="Memory">What there is, in bytes.</param>
/// <param name="Instead">The plan of the first smaller run that fits, when this one does not; null where none does.</param>
internal sealed record PlanReport(MemoryPlan Plan, long Memory, MemoryPlan? Instead)
{
    /// <summary>Whether the run fits.</summary>
    public bool Fits => Plan.Fits(Memory);

    /// <summary>The budgets, by name.</summary>
    public IReadOnlyList<(string Name, string Value)> Budgets =>
    [
        ("weights", Numbers.Bytes(Plan.WeightsBytes)),
        (Plan.Run.Lora is null ? "gradients, optimizer" : "adapter, its gradients, optimizer", Numbers.Bytes(Plan.AdapterBytes)),
        ("activations", Numbers.Bytes(Plan.ActivationsBytes)),
        ("workspace", Numbers.Bytes(Plan.WorkspaceBytes)),
        (Plan.OnGpu ? "driver" : "process", Numbers.Bytes(Plan.ProcessBytes)),
        ("total", Numbers.Bytes(Plan.TotalBytes)),
        .. Plan.PinnedBytes == 0 ? new (string, string)[0] : [("pinned memory of the host", Numbers.Bytes(Plan.PinnedBytes))],
    ];

    /// <summary>Whether it fits, and what would if it does not.</summary>
    public string Verdict
    {
        get
        {
            var need = $"needs {Numbers.Bytes(Plan.TotalBytes)}, and there are {Numbers.Bytes(Memory)}";
            if (Fits) return $"fits: {need}";
            return Instead is null
                ? $"does not fit: {need}; nothing that was tried would (gradient checkpointing, smaller batches, {(Plan.OnGpu ? "offloading, " : "")}bfloat16, shorter examples, a lower rank)"
                : $"does not fit: {need}; this would, with {Numbers.Bytes(Instead.TotalBytes)}: {OptionsOf(Instead.Run)}";
        }
    }

    /// <summary>Makes the plan, and looks for another run when it does not fit.</summary>
    public static PlanReport Of(MemoryPlanner planner, PlannedRun run, long memory)
    {
        var plan = planner.Plan(run);
        return new PlanReport(plan, memory, plan.Fits(memory) ? null : planner.FirstThatFits(run, memory));
    }

    /// <summary>Writes all of it for people.</summary>
    public void Write(IAnsiConsole console)
    {
        console.WriteRows(["budget", "bytes"], Budgets.Select(budget => new[] { budget.Name, budget.Value }));
        console.WriteLine();
        console.WriteRows(["saved for the backward pass", "bytes of each"], Grouped().Select(layer => new[] { layer.Name, Numbers.Bytes(layer.SavedBytes) }));
        console.WriteLine();
        console.WriteLine(Verdict);
    }

    /// <summary>All of it for scripts.</summary>
    public JsonObject ToJson()
    {
        var json = ToJson(Plan);
        json["memory_bytes"] = Memory;
        json["fits"] = Fits;
        json["process_bytes"] = Plan.ProcessBytes;
        json["loading_bytes"] = Plan.LoadingBytes;
        json["saved"] = new JsonArray([.. Plan.Layers.Select(layer => new JsonObject { ["name"] = layer.Name, ["bytes"] = layer.SavedBytes })]);
        json["instead"] = Instead is null ? null : ToJson(Instead);
        return json;
    }

    private static JsonObject ToJson(MemoryPlan plan) => new()
    {
        ["weights_bytes"] = plan.WeightsBytes,
        ["adapter_bytes"] = plan.AdapterBytes,
        ["activations_bytes"] = plan.ActivationsBytes,
        ["workspace_bytes"] = plan.WorkspaceBytes,
        ["total_bytes"] = plan.TotalBytes,
        ["pinned_bytes"] = plan.PinnedBytes,
        ["options"] = OptionsOf(plan.Run),
    };

    private static string OptionsOf(PlannedRun run)
        => $"--gradient-checkpointing {CheckpointingOption.Word(run.GradientCheckpointing)} --batch-size {run.BatchSize} --gradient-accumulation-steps {run.GradientAccumulationSteps} --max-length {run.MaxLength}"
            + (run.ComputeDType == DType.BFloat16 ? " --compute-dtype bfloat16" : "")
            + (run.Optimizer != OptimizerKind.AdamW ? $" --optimizer {run.Optimizer.Name()}" : "")
            + (run.Lora is { } lora ? $" --rank {lora.Rank}" : "");

    /// <summary>Neighbours that save the same in one line.</summary>
    private IEnumerable<PlannedLayer> Grouped()
    {
        for (int start = 0, end; start < Plan.Layers.Count; start = end)
        {
            var first = Plan.Layers[start];
            for (end = start + 1; end < Plan.Layers.Count && Plan.Layers[end].SavedBytes == first.SavedBytes; end++) { }
            yield return end == start + 1 ? first : first with { Name = $"{first.Name} to {Plan.Layers[end - 1].Name}" };
        }
    }
}
