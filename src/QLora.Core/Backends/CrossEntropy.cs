using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// losses[t] ← log Σ_j e^logits[t,j] − logits[t, labels[t]]; and, when <paramref name="gradientScale"/> is given,
    /// logits[t,j] ← gradientScale · (softmax_j(logits[t]) − [j = labels[t]]), the gradient of their sum times the scale, in place of the logits. The layer above
    /// calls it on chunks of supervised rows, so that the logits of a whole batch never exist.
    /// </summary>
    /// <param name="logits">(tokens, vocabulary) Float32; overwritten when there is a scale.</param>
    /// <param name="labels">(tokens) Int32, each at least 0 and below the vocabulary.</param>
    /// <param name="losses">(tokens) Float32.</param>
    /// <param name="gradientScale">Factor of the gradient, or null to leave the logits alone.</param>
    public void CrossEntropy(Tensor logits, Tensor labels, Tensor losses, float? gradientScale)
    {
        Check.Matrix(nameof(CrossEntropy), nameof(logits), logits);
        Check.Is(nameof(CrossEntropy), nameof(labels), labels, DType.Int32, logits.Rows);
        Check.Is(nameof(CrossEntropy), nameof(losses), losses, DType.Float32, logits.Rows);
        CrossEntropyCore(logits, labels, losses, gradientScale);
    }

    /// <summary>Backend part of <see cref="CrossEntropy"/>; shapes are checked, labels are not.</summary>
    protected abstract void CrossEntropyCore(Tensor logits, Tensor labels, Tensor losses, float? gradientScale);
}
