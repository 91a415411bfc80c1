using QLora.Backends.Planning;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Planning;

/// <summary>Makes a model's layers as they would be made from a checkpoint, and reads no weight.</summary>
/// <param name="source">The checkpoint.</param>
/// <param name="backend">What counts.</param>
/// <param name="quantization">How linear weights would be stored.</param>
internal sealed class PlannedBuilder(WeightSource source, PlanningBackend backend, QuantizationOptions quantization)
    : CheckpointBuilder(source, backend, quantization, progress: null)
{
    /// <summary>The peak so far of the memory that the pool is in: what the pool holds and, where that is the process's, pages of the files that were read.</summary>
    public long PeakBytes { get; private set; }

    /// <inheritdoc/>
    protected override Tensor ReadStored(WeightSpec weight, WeightInfo info, DType stored) => Backend.Allocate(weight.Shape, stored);

    /// <inheritdoc/>
    protected override void Decode(WeightSpec weight, WeightInfo info, Tensor tensor) { }

    /// <inheritdoc/>
    protected override T Keep<T>(T module)
    {
        PeakBytes = Math.Max(PeakBytes, Backend.Memory.PeakResident + (backend.OwnMemory ? 0 : TouchedBytes));
        return base.Keep(module);
    }
}
