using System.Globalization;
using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Gpu;
using QLora.Models;
using QLora.Planning;
using QLora.Tensors;

namespace QLora.Benchmarks.Roofline;

/// <summary>
/// What a training step costs by count, and how long cards would take that did nothing but what they are sold for: nothing of it is measured. Beside it, the memory that the step needs.
/// </summary>
internal static class RooflinePaper
{
    private const int Tokens = 2048, Rank = 16;
    private static readonly int[] Memories = [8, 12, 24];

    /// <summary>Prints it for a model in bfloat16, of which the config is enough.</summary>
    /// <param name="model">A folder or a .gguf file.</param>
    /// <param name="batchSize">Sequences of 2,048 tokens.</param>
    public static int Run(string model, int batchSize)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        using var file = ModelFile.Open(model);
        var run = new PlannedRun { Lora = new LoraConfig { Rank = Rank }, MaxLength = Tokens, BatchSize = batchSize, ComputeDType = DType.BFloat16 };
        Console.WriteLine($"# {Path.GetFileName(Path.GetFullPath(model))}: r = {Rank} on all linear layers, NF4 with double quantisation, bfloat16, {batchSize} x {Tokens:N0} tokens\n");
        Console.WriteLine("Computed from the code's own ops and tiles and from the cards' specifications; nothing here was measured.\n");
        WritePlans(file, run);
        foreach (var card in Card.All) WriteSteps(file, run, card);
        return 0;
    }

    private static void WritePlans(ModelFile file, PlannedRun run)
    {
        Console.WriteLine($"## Memory, MiB\n\n| blocks | weights | adapter, optimizer | passes | workspace | driver (assumed) | total | pinned, of the host | {string.Join(" | ", Memories.Select(memory => $"{memory} GiB"))} | longest on {string.Join(", ", Memories)} GiB |");
        Console.WriteLine($"|---|{string.Concat(Enumerable.Repeat("---:|", 7 + Memories.Length))}---|");
        foreach (var checkpointing in Enum.GetValues<GradientCheckpointing>())
        {
            var chosen = run with { GradientCheckpointing = checkpointing };
            var plan = Planner(file, Memories[0]).Plan(chosen);
            long[] budgets = [plan.WeightsBytes, plan.AdapterBytes, plan.ActivationsBytes, plan.WorkspaceBytes, plan.ProcessBytes, plan.TotalBytes, plan.PinnedBytes];
            var fits = Memories.Select(memory => Planner(file, memory).Plan(chosen).Fits((long)memory << 30) ? "fits" : "no");
            var longest = Memories.Select(memory => $"{Longest(file, chosen with { BatchSize = 1 }, memory):N0}");
            Console.WriteLine($"| {NameOf(checkpointing)} | {string.Join(" | ", budgets.Select(bytes => $"{bytes / 1048576.0:N0}").Concat(fits))} | {string.Join("; ", longest)} |");
        }
    }

    /// <summary>The longest sequence of a batch of one that fits, in steps of 256 tokens; 0 where none does.</summary>
    private static int Longest(ModelFile file, PlannedRun run, int memory)
    {
        const int Step = 256;
        var planner = Planner(file, memory);
        bool Fits(int steps) => planner.Plan(run with { MaxLength = steps * Step }).Fits((long)memory << 30);
        int fits = 0, tooLong = 1;
        while (tooLong * Step <= file.Config.ContextLength && Fits(tooLong)) (fits, tooLong) = (tooLong, 2 * tooLong);
        while (tooLong - fits > 1)
        {
            var middle = (fits + tooLong) / 2;
            if (Fits(middle)) fits = middle;
            else tooLong = middle;
        }

        return fits * Step;
    }

    private static MemoryPlanner Planner(ModelFile file, int memory) => new(file, Devices.WorkspacesOf("cuda", (long)memory << 30)!);

    private static void WriteSteps(ModelFile file, PlannedRun run, Card card)
    {
        Console.WriteLine($"\n## {card.Name}: {card.Bandwidth / 1e9:N0} GB/s, {card.Lanes / 1e12:N1} TFLOP/s by lanes, {card.Tensor / 1e12:N1} by tensor cores\n");
        foreach (var checkpointing in new[] { GradientCheckpointing.Recompute, GradientCheckpointing.None }) // copies of offloading go on beside the kernels
        {
            var chosen = run with { GradientCheckpointing = checkpointing };
            var plan = Planner(file, card.MemoryGiB).Plan(chosen);
            var step = Count(file, chosen, card);
            double cached = step.Sum(work => work.Slowest(card, cached: true).Seconds), uncached = step.Sum(work => work.Slowest(card, cached: false).Seconds);
            var tokens = run.BatchSize * Tokens;
            Console.WriteLine($"Blocks {NameOf(checkpointing)}, {(plan.Fits((long)card.MemoryGiB << 30) ? "fits" : "does not fit")}: {step.Count:N0} launches, "
                + $"{cached * 1e3:N0} ms a step with a perfect cache, {uncached * 1e3:N0} without any: at most {tokens / cached:N0} and {tokens / uncached:N0} tokens/s\n");
            if (checkpointing == GradientCheckpointing.Recompute) WriteKernels(step, card, cached);
        }
    }

    private static string NameOf(GradientCheckpointing checkpointing) => checkpointing switch
    {
        GradientCheckpointing.None => "kept",
        GradientCheckpointing.Recompute => "recomputed",
        _ => "recomputed, inputs offloaded",
    };

    private static void WriteKernels(List<Work> step, Card card, double total)
    {
        Console.WriteLine("| kernel | launches | GB | GB of tiles | TFLOP of tensor cores | of lanes | ms | share | bound by | ms without a cache |\n|---|---:|---:|---:|---:|---:|---:|---:|---|---:|");
        foreach (var kernel in step.GroupBy(work => work.Kernel).OrderByDescending(kernel => kernel.Sum(work => work.Slowest(card, cached: true).Seconds)))
        {
            var seconds = kernel.Sum(work => work.Slowest(card, cached: true).Seconds);
            var resource = kernel.MaxBy(work => work.Slowest(card, cached: true).Seconds).Slowest(card, cached: true).Resource;
            Console.WriteLine($"| {kernel.Key} | {kernel.Count():N0} | {kernel.Sum(work => work.Bytes) / 1e9:N2} | {kernel.Sum(work => work.TileBytes) / 1e9:N1} | {kernel.Sum(work => work.TensorFlops) / 1e12:N2} | "
                + $"{kernel.Sum(work => work.LaneFlops) / 1e12:N2} | {seconds * 1e3:N2} | {seconds / total:P1} | {resource} | {kernel.Sum(work => work.Slowest(card, cached: false).Seconds) * 1e3:N2} |");
        }

        Console.WriteLine();
    }

    private static List<Work> Count(ModelFile file, PlannedRun run, Card card)
    {
        var memory = (long)card.MemoryGiB << 30;
        var products = ProductChoice.Planned(tensorCores: true, memory) with { OperationsPerByte = card.OperationsPerByte };
        var backend = new CountingBackend(products, Devices.WorkspacesOf("cuda", memory)!);
        using var dry = new DryRun(file, file.Weights ?? new AssumedWeights(file), new QuantizationOptions(), run, backend);
        dry.Train();
        return backend.LastStep;
    }
}
