using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>
    /// With m = mean(x) and r = 1 / sqrt(mean((x − m)²) + epsilon): y ← (x − m) · r · weight + bias, row by row (Ba et al., arXiv:1607.06450).
    /// </summary>
    /// <param name="x">(tokens, size) activations.</param>
    /// <param name="weight">(size) Float32.</param>
    /// <param name="bias">(size) Float32.</param>
    /// <param name="y">(tokens, size) activations; may be x.</param>
    /// <param name="epsilon">Added to the variance; above 0.</param>
    public void LayerNorm(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon)
    {
        Check.ActivationMatrix(nameof(LayerNorm), nameof(x), x);
        Check.Is(nameof(LayerNorm), nameof(weight), weight, DType.Float32, x.Columns);
        Check.Is(nameof(LayerNorm), nameof(bias), bias, DType.Float32, x.Columns);
        Check.SameAs(nameof(LayerNorm), nameof(y), y, x);
        LayerNormCore(x, weight, bias, y, epsilon);
    }

    /// <summary>
    /// With m and r as in <see cref="LayerNorm"/>, n = (x − m) · r and g = dy · weight: dx ← [dx +] r · (g − mean(g) − n · mean(g · n));
    /// dWeight ← dWeight + Σ_rows dy · n; dBias ← dBias + Σ_rows dy.
    /// </summary>
    /// <param name="x">(tokens, size) activations, the forward's input.</param>
    /// <param name="weight">(size) Float32.</param>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dx">(tokens, size) activations, or null when the input needs no gradient; may be dy when not accumulated.</param>
    /// <param name="dWeight">(size) Float32, always added to; null when the weight is frozen.</param>
    /// <param name="dBias">(size) Float32, always added to; null when the bias is frozen.</param>
    /// <param name="epsilon">As in the forward.</param>
    /// <param name="accumulate">Whether dx is added to or overwritten.</param>
    public void LayerNormBackward(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate)
    {
        const string Op = nameof(LayerNormBackward);
        Check.ActivationMatrix(Op, nameof(x), x);
        Check.Is(Op, nameof(weight), weight, DType.Float32, x.Columns);
        Check.SameAs(Op, nameof(dy), dy, x);
        if (dx is { } input) Check.SameAs(Op, nameof(dx), input, x);
        if (dWeight is { } factor) Check.SameAs(Op, nameof(dWeight), factor, weight);
        if (dBias is { } offset) Check.SameAs(Op, nameof(dBias), offset, weight);
        LayerNormBackwardCore(x, weight, dy, dx, dWeight, dBias, epsilon, accumulate);
    }

    /// <summary>Backend part of <see cref="LayerNorm"/>; shapes are checked.</summary>
    protected abstract void LayerNormCore(Tensor x, Tensor weight, Tensor bias, Tensor y, float epsilon);

    /// <summary>Backend part of <see cref="LayerNormBackward"/>; shapes are checked.</summary>
    protected abstract void LayerNormBackwardCore(
        Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, Tensor? dBias, float epsilon, bool accumulate);
}
