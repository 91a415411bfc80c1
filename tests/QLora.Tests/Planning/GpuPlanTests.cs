using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Models;
using QLora.Planning;
using QLora.Tensors;
using QLora.Training;

namespace QLora.Tests.Planning;

/// <summary>Plans of known models for cards that are not here: rank 16 on every linear layer, 2,048 tokens. What is kept is counted by hand; the rest is pinned, so that a change shows.</summary>
public class GpuPlanTests
{
    private const long MiB = 1 << 20, GiB = 1 << 30;

    private static readonly PlannedRun Standard = new()
    {
        Lora = new LoraConfig { Rank = 16 }, MaxLength = 2048, ComputeDType = DType.BFloat16,
    };

    [Theory]
    [InlineData("1B", 2048, 8192, 16, 32, 64, true)]
    [InlineData("3B", 3072, 8192, 28, 24, 128, true)]
    [InlineData("8B", 4096, 14336, 32, 32, 128, false)]
    public void WeightsAndAdapterAreWhatTheShapesSay(string name, int hidden, int intermediate, int layers, int heads, int headSize, bool tied)
    {
        const int Rank = 16, Vocabulary = 128_256, KeyHeads = 8;
        var (queries, keys) = (heads * headSize, KeyHeads * headSize);
        (int In, int Out)[] linears = [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), (hidden, intermediate), (hidden, intermediate), (intermediate, hidden)];
        var plan = Plan(name, Standard);

        // The value, the gradient and two moments of A and B, in Float32.
        Assert.Equal(4 * sizeof(float) * (long)layers * linears.Sum(linear => Rank * (linear.In + linear.Out)), plan.AdapterBytes);

        // 4 bits an element, 8 for the scale of 64, of 256 scales another in Float32; for all of them the table of 8-bit values and their mean; norms in Float32, embedding and head in bfloat16.
        var quantized = linears.Sum(linear => (long)linear.In * linear.Out is var count ? (count / 2) + (count / 64) + (count / 64 / 256 * sizeof(float)) + (257 * sizeof(float)) : 0);
        var norms = (2 * layers) + 1;
        Assert.Equal((layers * quantized) + (norms * hidden * sizeof(float)) + ((tied ? 1L : 2L) * Vocabulary * hidden * sizeof(ushort)), plan.WeightsBytes);

        // Every block keeps its input, and what it makes of it is the last one's.
        Assert.All(plan.Layers.Skip(1), layer => Assert.Equal(2048L * hidden * sizeof(ushort), layer.SavedBytes));
        Assert.True(plan.OnGpu);
        Assert.Equal(512 * MiB, plan.ProcessBytes);
    }

    /// <summary>All tensors of these adapters are large: a byte for each moment, and of 256 a scale in Float32.</summary>
    [Theory]
    [InlineData("1B"), InlineData("8B")]
    public void MomentsOf8BitsTakeAQuarterOfTheMemory(string name)
    {
        var (single, quantized) = (Plan(name, Standard), Plan(name, Standard with { Optimizer = OptimizerKind.AdamW8Bit }));
        var count = single.AdapterBytes / (4 * sizeof(float));
        Assert.Equal(count * (2 * sizeof(float) + 2) + count / 256 * (2 * sizeof(float)), quantized.AdapterBytes);
        Assert.Equal(single.WeightsBytes, quantized.WeightsBytes);
        Assert.True(quantized.PoolBytes < single.PoolBytes);
    }

    [Theory]
    [InlineData(OptimizerKind.PagedAdamW), InlineData(OptimizerKind.PagedAdamW8Bit)]
    public void PagedMomentsAreNotCounted(OptimizerKind kind)
    {
        var (single, paged) = (Plan("8B", Standard), Plan("8B", Standard with { Optimizer = kind }));
        Assert.Equal(single.AdapterBytes / 2, paged.AdapterBytes);
        Assert.Equal(single.PoolBytes - single.AdapterBytes / 2, paged.PoolBytes, 16L << 20);
        Assert.InRange(paged.PinnedBytes, kind.Is8Bit() ? single.AdapterBytes / 8 : single.AdapterBytes / 2, long.MaxValue);
        Assert.Equal(0, single.PinnedBytes);
    }

    [Theory]
    [InlineData("1B", 8, "kept")]
    [InlineData("3B", 8, "kept")]
    [InlineData("8B", 8, "recomputed")]
    [InlineData("8B", 12, "recomputed")]
    [InlineData("8B", 24, "kept")]
    public void WhatFitsIsPinned(string name, int memory, string blocks)
    {
        var kept = Plan(name, Standard with { GradientCheckpointing = GradientCheckpointing.None }, memory * GiB);
        var recomputed = Plan(name, Standard, memory * GiB);
        Assert.Equal(blocks == "kept", kept.Fits(memory * GiB));
        Assert.True(recomputed.Fits(memory * GiB));
    }

    [Theory]
    [InlineData("1B", GradientCheckpointing.Recompute, 2038), InlineData("1B", GradientCheckpointing.None, 3574), InlineData("1B", GradientCheckpointing.Offload, 2038)]
    [InlineData("3B", GradientCheckpointing.Recompute, 3824), InlineData("3B", GradientCheckpointing.None, 6640), InlineData("3B", GradientCheckpointing.Offload, 3312)]
    [InlineData("8B", GradientCheckpointing.Recompute, 7636), InlineData("8B", GradientCheckpointing.None, 13012), InlineData("8B", GradientCheckpointing.Offload, 7124)]
    public void TheTotalIsPinned(string name, GradientCheckpointing checkpointing, int mebibytes) =>
        Assert.Equal(mebibytes, Plan(name, Standard with { GradientCheckpointing = checkpointing }).TotalBytes / MiB);

    /// <summary>Of the inputs of all blocks two are on the device at once; the pool comes and goes in regions of 256 MiB, there and here.</summary>
    [Theory]
    [InlineData("1B", 2048, 16, 256), InlineData("3B", 3072, 28, 512), InlineData("8B", 4096, 32, 512)]
    public void OffloadedInputsArePlannedInTheHostsMemory(string name, int hidden, int layers, int pinned)
    {
        var (recomputed, offloaded) = (Plan(name, Standard), Plan(name, Standard with { GradientCheckpointing = GradientCheckpointing.Offload }));
        Assert.Equal((layers - 2) * 2048L * hidden * sizeof(ushort), recomputed.PoolBytes - offloaded.PoolBytes);
        Assert.Equal((0, pinned * MiB), (recomputed.PinnedBytes, offloaded.PinnedBytes));
        Assert.Equal((recomputed.WeightsBytes, recomputed.AdapterBytes, recomputed.WorkspaceBytes), (offloaded.WeightsBytes, offloaded.AdapterBytes, offloaded.WorkspaceBytes));
        Assert.True(offloaded.ActivationsBytes <= recomputed.ActivationsBytes);
        Assert.All(offloaded.Layers.Where(layer => layer.Name.StartsWith("block", StringComparison.Ordinal)), layer => Assert.Equal(0, layer.SavedBytes));
    }

    private static MemoryPlan Plan(string name, PlannedRun run, long memory = 8 * GiB)
    {
        using var file = ModelFile.Open(TestData.Golden($"configs/llama-{name}"));
        return new MemoryPlanner(file, Devices.WorkspacesOf("cuda", memory)!).Plan(run);
    }
}
