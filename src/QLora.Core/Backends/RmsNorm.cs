using QLora.Tensors;

namespace QLora.Backends;

public abstract partial class Backend
{
    /// <summary>y ← x / sqrt(mean(x²) + epsilon) · weight, row by row (Zhang and Sennrich, arXiv:1910.07467).</summary>
    /// <param name="x">(tokens, size) activations.</param>
    /// <param name="weight">(size) Float32.</param>
    /// <param name="y">(tokens, size) activations; may be x.</param>
    /// <param name="epsilon">Added to the mean square; above 0.</param>
    public void RmsNorm(Tensor x, Tensor weight, Tensor y, float epsilon)
    {
        Check.ActivationMatrix(nameof(RmsNorm), nameof(x), x);
        Check.Is(nameof(RmsNorm), nameof(weight), weight, DType.Float32, x.Columns);
        Check.SameAs(nameof(RmsNorm), nameof(y), y, x);
        RmsNormCore(x, weight, y, epsilon);
    }

    /// <summary>
    /// With r = 1 / sqrt(mean(x²) + epsilon) and g = dy · weight: dx ← [dx +] r · (g − x · r² · mean(g · x)); dWeight ← dWeight + Σ_rows dy · x · r.
    /// </summary>
    /// <param name="x">(tokens, size) activations, the forward's input.</param>
    /// <param name="weight">(size) Float32.</param>
    /// <param name="dy">(tokens, size) activations.</param>
    /// <param name="dx">(tokens, size) activations, or null when the input needs no gradient; may be dy when not accumulated.</param>
    /// <param name="dWeight">(size) Float32, always added to; null when the weight is frozen.</param>
    /// <param name="epsilon">As in the forward.</param>
    /// <param name="accumulate">Whether dx is added to or overwritten.</param>
    public void RmsNormBackward(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate)
    {
        const string Op = nameof(RmsNormBackward);
        Check.ActivationMatrix(Op, nameof(x), x);
        Check.Is(Op, nameof(weight), weight, DType.Float32, x.Columns);
        Check.SameAs(Op, nameof(dy), dy, x);
        if (dx is { } input) Check.SameAs(Op, nameof(dx), input, x);
        if (dWeight is { } parameter) Check.SameAs(Op, nameof(dWeight), parameter, weight);
        RmsNormBackwardCore(x, weight, dy, dx, dWeight, epsilon, accumulate);
    }

    /// <summary>Backend part of <see cref="RmsNorm"/>; shapes are checked.</summary>
    protected abstract void RmsNormCore(Tensor x, Tensor weight, Tensor y, float epsilon);

    /// <summary>Backend part of <see cref="RmsNormBackward"/>; shapes are checked.</summary>
    protected abstract void RmsNormBackwardCore(Tensor x, Tensor weight, Tensor dy, Tensor? dx, Tensor? dWeight, float epsilon, bool accumulate);
}
