namespace QLora.Planning;

/// <summary>
/// The memory that a training run needs at its peak, by budget, in bytes. The budgets add up to <see cref="TotalBytes"/>: the resident memory of the process, or on a GPU the memory there.
/// </summary>
/// <param name="Run">What it was made for.</param>
public sealed record MemoryPlan(PlannedRun Run)
{
    /// <summary>The weights of the model, as they are kept.</summary>
    public required long WeightsBytes { get; init; }

    /// <summary>What is trained beside them, with gradients and optimizer states; without an adapter, gradients and states of the weights. Not states that are paged: those are in the host's memory.</summary>
    public required long AdapterBytes { get; init; }

    /// <summary>What passes through the model keep and make, logits among it, and buffers that wait for reuse; or what loading needs for a while, if that is more.</summary>
    public required long ActivationsBytes { get; init; }

    /// <summary>What the backend's ops need for themselves.</summary>
    public required long WorkspaceBytes { get; init; }

    /// <summary>
    /// The process itself: runtime, program and data that was read already, measured when the plan was made, and some megabytes for code that is compiled and objects that are made later.
    /// On a GPU, what its driver takes there for the process.
    /// </summary>
    public required long ProcessBytes { get; init; }

    /// <summary>Whether it is a plan of a GPU's memory, not of the process's.</summary>
    public required bool OnGpu { get; init; }

    /// <summary>Page-locked memory of the host for what is offloaded and for optimizer states that are paged, in whole regions as the pool takes them; beside <see cref="TotalBytes"/>, which is the GPU's then. 0 without either.</summary>
    public required long PinnedBytes { get; init; }

    /// <summary>All of it: the peak of resident memory.</summary>
    public long TotalBytes => WeightsBytes + AdapterBytes + ActivationsBytes + WorkspaceBytes + ProcessBytes;

    /// <summary>The most that buffers hold at once: <see cref="Backends.MemoryStatistics.PeakInUse"/> of a run.</summary>
    public required long PoolBytes { get; init; }

    /// <summary>The peak of resident memory while the model is loaded.</summary>
    public required long LoadingBytes { get; init; }

    /// <summary>What each part of the model saves for the backward pass of one micro-batch, in the order of the forward pass; all of it is among <see cref="ActivationsBytes"/>.</summary>
    public required IReadOnlyList<PlannedLayer> Layers { get; init; }

    /// <summary>Whether it fits into so many bytes.</summary>
    public bool Fits(long memory) => TotalBytes <= memory;
}

/// <summary>What a part of a model saves for the backward pass.</summary>
/// <param name="Name">The part: a block, or what comes before and after all of them.</param>
/// <param name="SavedBytes">Bytes that are kept between the forward and the backward pass.</param>
public readonly record struct PlannedLayer(string Name, long SavedBytes);
