using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void CombineExpertsCore(Tensor x, Tensor slots, Tensor weights, Tensor y)
    {
        for (var i = 0; i < x.Rows; i++)
        {
            var slot = slots.Span<int>()[i];
            var weight = (double)weights.Span<float>()[slot];
            var input = new ActivationSpan(x.Slice(i, 1));
            var result = new ActivationSpan(y.Slice(slot / weights.Columns, 1));
            for (var c = 0; c < result.Length; c++) result[c] = (float)(result[c] + weight * input[c]);
        }
    }

    /// <inheritdoc/>
    protected override void CombineExpertsBackwardCore(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights)
    {
        for (var i = 0; i < x.Rows; i++)
        {
            var slot = slots.Span<int>()[i];
            var weight = weights.Span<float>()[slot];
            var gradient = new ActivationSpan(dy.Slice(slot / weights.Columns, 1));
            dWeights.Span<float>()[slot] = (float)Dot(gradient, new ActivationSpan(x.Slice(i, 1)));
            var result = new ActivationSpan(dx.Slice(i, 1));
            for (var c = 0; c < result.Length; c++) result[c] = weight * gradient[c];
        }
    }
}
