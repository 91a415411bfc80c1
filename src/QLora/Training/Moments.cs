using QLora.Backends;
using QLora.Tensors;

namespace QLora.Training;

/// <summary>The two moments that AdamW keeps of a parameter: Float32, or codes of 8 bits and the scales of their blocks.</summary>
/// <param name="First">Of the parameter's shape, Float32 or UInt8.</param>
/// <param name="Second">The same.</param>
/// <param name="AbsMax">The scales of both, as <see cref="QuantizedMoment"/> has them; null in Float32.</param>
internal readonly record struct Moments(Tensor First, Tensor Second, (Tensor First, Tensor Second)? AbsMax) : IDisposable
{
    /// <summary>Moments of zero.</summary>
    public static Moments Zeros(Backend backend, Shape shape, bool quantized)
    {
        var dtype = quantized ? DType.UInt8 : DType.Float32;
        var scales = new Shape(QuantizedMoment.BlockCount(shape.Count));
        return new Moments(
            backend.AllocateZeros(shape, dtype), backend.AllocateZeros(shape, dtype), quantized ? (backend.AllocateZeros(scales), backend.AllocateZeros(scales)) : null);
    }

    /// <summary>All tensors, by the names that PyTorch gives them, or bitsandbytes.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> Tensors => AbsMax is var (first, second)
        ? [("state1", First), ("state2", Second), ("absmax1", first), ("absmax2", second)]
        : [("exp_avg", First), ("exp_avg_sq", Second)];

    /// <summary>Takes a step.</summary>
    public void Step(Backend backend, Tensor parameter, Tensor gradient, AdamWStep step)
    {
        if (AbsMax is var (first, second)) backend.AdamW8Bit(parameter, gradient, new QuantizedMoment(First, first), new QuantizedMoment(Second, second), step);
        else backend.AdamW(parameter, gradient, First, Second, step);
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
}
