using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>Each row divided by its root mean square, times a weight.</summary>
/// <param name="spec">What it was declared as.</param>
/// <param name="weight">(size) Float32.</param>
public sealed class RmsNorm(RmsNormSpec spec, Parameter weight) : Module
{
    /// <inheritdoc/>
    public override RmsNormSpec Spec => spec;

    /// <summary>(size) Float32.</summary>
    public Parameter Weight => weight;

    /// <summary>Added to the mean square.</summary>
    public float Epsilon => spec.Epsilon;

    /// <inheritdoc/>
    public override long Bytes => weight.Value.Bytes;

    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters => [weight];

    /// <summary>The normalised rows.</summary>
    /// <param name="x">(tokens, size).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, size).</returns>
    public Activation Forward(Activation x, ForwardContext context) => context.Apply(context.Node<RmsNormNode>().Of(this, x));

    /// <inheritdoc/>
    public override void Dispose() => weight.Dispose();
}
