using QLora.Quantization;
using QLora.Tensors;

namespace QLora.Backends.Planning;

// The ops that take no memory for themselves, on any backend so far.
public partial class PlanningBackend
{
    /// <inheritdoc/>
    protected override void AddCore(Tensor x, Tensor y, float alpha) { }

    /// <inheritdoc/>
    protected override void ScaleCore(Tensor x, float factor) { }

    /// <inheritdoc/>
    protected override void AddBiasCore(Tensor bias, Tensor y) { }

    /// <inheritdoc/>
    protected override void AddBiasBackwardCore(Tensor dy, Tensor dBias) { }

    /// <inheritdoc/>
    protected override void AdamWCore(Tensor parameter, Tensor gradient, Tensor firstMoment, Tensor secondMoment, AdamWStep step) { }

    /// <inheritdoc/>
    protected override void AdamW8BitCore(Tensor parameter, Tensor gradient, QuantizedMoment firstMoment, QuantizedMoment secondMoment, AdamWStep step) { }

    /// <inheritdoc/>
    protected override void CombineExpertsCore(Tensor x, Tensor slots, Tensor weights, Tensor y) { }

    /// <inheritdoc/>
    protected override void CombineExpertsBackwardCore(Tensor x, Tensor slots, Tensor weights, Tensor dy, Tensor dx, Tensor dWeights) { }

    /// <inheritdoc/>
    protected override void CopyColumnsCore(Tensor source, int sourceStart, Tensor destination, int destinationStart, int count) { }

    /// <inheritdoc/>
    protected override void CrossEntropyCore(Tensor logits, Tensor labels, Tensor losses, float? gradientScale) { }

    /// <inheritdoc/>
    protected override void DequantizeCore(QuantizedTensor w, Tensor y) { }

    /// <inheritdoc/>
    protected override void DropoutCore(Tensor x, Tensor y, float probability, ulong seed, ulong stream, bool accumulate) { }

    /// <inheritdoc/>
    protected override void EmbeddingCore(Tensor ids, Tensor weight, Tensor y) { }

    /// <inheritdoc/>
    protected override void EmbeddingBackwardCore(Tensor ids, Tensor dy, Tensor dWeight) { }

    /// <inheritdoc/>
    protected override void GeGluCore(Tensor gate, Tensor up, Tensor y) { }

    /// <inheritdoc/>
    protected override void GeGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) { }

    /// <inheritdoc/>
    protected override void GeluCore(Tensor x, Tensor y) { }

    /// <inheritdoc/>
    protected override void GeluBackwardCore(Tensor x, Tensor dy, Tensor dx) { }

    /// <inheritdoc/>
    protected override void LayerNormCore(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon) { }

    /// <inheritdoc/>
    protected override void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon) { }

    /// <inheritdoc/>
    protected override void RotaryCore(Tensor x, Tensor positions, Tensor cos, Tensor sin, bool inverse) { }

    /// <inheritdoc/>
    protected override void RouteBackwardCore(Tensor logits, Tensor experts, Tensor dWeights, Tensor dLogits, bool normalize) { }

    /// <inheritdoc/>
    protected override void SoftCapCore(Tensor x, float cap) { }

    /// <inheritdoc/>
    protected override void SoftCapBackwardCore(Tensor y, Tensor dx, float cap) { }

    /// <inheritdoc/>
    protected override void SumCore(Tensor x, Tensor sums) { }

    /// <inheritdoc/>
    protected override void SwiGluCore(Tensor gate, Tensor up, Tensor y) { }

    /// <inheritdoc/>
    protected override void SwiGluBackwardCore(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) { }
}
