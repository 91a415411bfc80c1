using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Reference;

public sealed partial class ReferenceBackend
{
    /// <inheritdoc/>
    protected override void AdamW8BitCore(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step)
    {
        var p = parameter.Span<float>();
        var g = gradient.Span<float>();
        var m = Decode(firstMoment, DynamicMap.Signed);
        var v = Decode(secondMoment, DynamicMap.Unsigned);
        var factors = AdamWFactors.Of(step);
        for (var i = 0; i < p.Length; i++)
        {
            // In single precision and in PyTorch's order: a code depends on the last bit.
            var scaled = factors.GradientScale * g[i];
            m[i] = MathF.FusedMultiplyAdd(factors.Gain1, scaled, factors.Beta1 * m[i]);
            v[i] = MathF.FusedMultiplyAdd(factors.Gain2 * scaled, scaled, factors.Beta2 * v[i]);
            var denominator = MathF.Sqrt(v[i]) / factors.RootCorrection + factors.Epsilon;
            p[i] = factors.Decay * p[i] - factors.Rate * m[i] / denominator;
        }

        Encode(m, firstMoment, DynamicMap.Signed);
        Encode(v, secondMoment, DynamicMap.Unsigned);
    }

    private static float[] Decode(QuantizedMoment moment, DynamicMap map)
    {
        var values = new float[moment.Codes.Count];
        BlockQuantizer8.Dequantize(moment.Codes.Span<byte>(), map.Values, moment.AbsMax.Span<float>(), QuantizedMoment.BlockSize, values);
        return values;
    }

    private static void Encode(float[] values, QuantizedMoment moment, DynamicMap map) =>
        BlockQuantizer8.Quantize(values, map, QuantizedMoment.BlockSize, moment.Codes.Span<byte>(), moment.AbsMax.Span<float>());
}
