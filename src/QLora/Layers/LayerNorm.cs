using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>Each row with its mean taken away, divided by its deviation, times a weight, plus a bias (Ba et al., arXiv:1607.06450).</summary>
/// <param name="spec">What it was declared as.</param>
/// <param name="weight">(size) Float32.</param>
/// <param name="bias">(size) Float32.</param>
public sealed class LayerNorm(LayerNormSpec spec, Parameter weight, Parameter bias) : Module
{
    /// <inheritdoc/>
    public override LayerNormSpec Spec => spec;

    /// <summary>(size) Float32.</summary>
    public Parameter Weight => weight;

    /// <summary>(size) Float32.</summary>
    public Parameter Bias => bias;

    /// <summary>Added to the variance.</summary>
    public float Epsilon => spec.Epsilon;

    /// <inheritdoc/>
    public override long Bytes => weight.Value.Bytes + bias.Value.Bytes;

    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters => [weight, bias];

    /// <summary>The normalised rows.</summary>
    /// <param name="x">(tokens, size).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, size).</returns>
    public Activation Forward(Activation x, ForwardContext context) => context.Apply(context.Node<LayerNormNode>().Of(this, x));

    /// <inheritdoc/>
    public override void Dispose()
    {
        weight.Dispose();
        bias.Dispose();
    }
}
