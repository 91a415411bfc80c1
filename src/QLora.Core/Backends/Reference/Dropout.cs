using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate)
    {
        var input = new ActivationSpan(x);
        var result = new ActivationSpan(y);
        var threshold = Philox.DropThreshold(probability);
        var scale = 1 / (1 - probability);
        for (var i = 0; i < input.Length; i++)
        {
            var value = Philox.Word(seed, stream, (ulong)i) >= threshold ? input[i] * scale : 0;
            result[i] = accumulate ? result[i] + value : value;
        }
    }
}
