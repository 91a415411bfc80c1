using QLora.Backends;
using QLora.Tensors;

namespace QLora.Training;

/// <summary>The two moments that AdamW keeps of a parameter: Float32, or codes of 8 bits and the scales of their blocks.</summary>
/// <param name="First">Of the parameter's shape, Float32 or UInt8.</param>
/// <param name="Second">The same.</param>
/// <param name="AbsMax">The scales of both, as <see cref="QuantizedMoment"/> has them; null in Float32.</param>
internal readonly record struct AdamWMoments(Tensor First, Tensor Second, (Tensor First, Tensor Second)? AbsMax) : IDisposable
{
    /// <summary>Memory for the moments of a parameter, with undefined content.</summary>
    /// <param name="backend">Where the parameter lies.</param>
    /// <param name="shape">The parameter's.</param>
    /// <param name="quantized">Whether they are of 8 bits.</param>
    /// <param name="pinned">Whether they lie in page-locked memory of the host, from where they are fetched to take a step.</param>
    public static AdamWMoments Allocate(Backend backend, Shape shape, bool quantized, bool pinned = false)
    {
        var dtype = quantized ? DType.UInt8 : DType.Float32;
        var scales = new Shape(QuantizedMoment.BlockCount(shape.Count));
        return new AdamWMoments(One(shape, dtype), One(shape, dtype), quantized ? (One(scales, DType.Float32), One(scales, DType.Float32)) : null);

        Tensor One(Shape of, DType type) => pinned ? backend.AllocatePinned(of, type) : backend.Allocate(of, type);
    }

    /// <summary>Whether they are of 8 bits.</summary>
    public bool IsQuantized => AbsMax is not null;

    /// <summary>All tensors, by the names that PyTorch gives them, or bitsandbytes.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Tensors => AbsMax is var (first, second)
        ? [("state1", First), ("state2", Second), ("absmax1", first), ("absmax2", second)]
        : [("exp_avg", First), ("exp_avg_sq", Second)];

    /// <summary>Those of some elements of the flattened parameter, which begin at a whole block and end at one or with the parameter.</summary>
    public AdamWMoments Slice(int start, int count) => new(
        Flat(First).Slice(start, count), Flat(Second).Slice(start, count), AbsMax is var (first, second) ? (Blocks(first, start, count), Blocks(second, start, count)) : null);

    /// <summary>Takes a step.</summary>
    public void Step(Backend backend, Tensor parameter, Tensor gradient, AdamWStep step)
    {
        if (AbsMax is var (first, second)) backend.AdamW8Bit(parameter, gradient, new QuantizedMoment(First, first), new QuantizedMoment(Second, second), step);
        else backend.AdamW(parameter, gradient, First, Second, step);
    }

    /// <summary>Takes a step with moments that lie in the host's memory: piece by piece, through some on the device.</summary>
    /// <param name="backend">Where the parameter lies.</param>
    /// <param name="parameter">The parameter.</param>
    /// <param name="gradient">Its gradient.</param>
    /// <param name="step">Rates and the step's number.</param>
    /// <param name="staging">Of the same kind; of whole blocks, where it is shorter than these. The last copy from it is to be awaited before it is given back.</param>
    public void StepPaged(Backend backend, Tensor parameter, Tensor gradient, AdamWStep step, AdamWMoments staging)
    {
        var (values, slopes, most) = (Flat(parameter), Flat(gradient), (int)staging.First.Count);
        for (int start = 0, count; start < values.Rows; start += count)
        {
            count = Math.Min(most, values.Rows - start);
            var (there, here) = (Slice(start, count), staging.Slice(0, count));
            there.Fetch(backend, here);
            backend.AwaitCopies();
            here.Step(backend, values.Slice(start, count), slopes.Slice(start, count), step);
            here.Offload(backend, there);
        }
    }

    /// <summary>Gives them back.</summary>
    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
        if (AbsMax is not var (first, second)) return;
        first.Dispose();
        second.Dispose();
    }

    private void Fetch(Backend backend, AdamWMoments onDevice)
    {
        backend.Fetch(First, onDevice.First);
        backend.Fetch(Second, onDevice.Second);
        if (AbsMax is not var (first, second)) return;
        backend.Fetch(first, onDevice.AbsMax!.Value.First);
        backend.Fetch(second, onDevice.AbsMax.Value.Second);
    }

    private void Offload(Backend backend, AdamWMoments pinned)
    {
        backend.Offload(First, pinned.First);
        backend.Offload(Second, pinned.Second);
        if (AbsMax is not var (first, second)) return;
        backend.Offload(first, pinned.AbsMax!.Value.First);
        backend.Offload(second, pinned.AbsMax.Value.Second);
    }

    private static Tensor Flat(Tensor tensor) => tensor.Reshape(checked((int)tensor.Count));

    private static Tensor Blocks(Tensor scales, int start, int count) => scales.Slice(start / QuantizedMoment.BlockSize, QuantizedMoment.BlockCount(count));
}
