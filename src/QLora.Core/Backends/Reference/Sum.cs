using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void SumCore(Tensor x, Tensor sums)
    {
        foreach (var value in x.Span<float>()) sums.Span<double>()[0] += value;
    }

    /// <inheritdoc/>
    protected override void SumOfSquaresCore(Tensor x, Tensor sums)
    {
        var sum = 0.0;
        foreach (var value in Elements.Widened(x)) sum += (double)value * value;
        sums.Span<double>()[0] += sum;
    }
}
