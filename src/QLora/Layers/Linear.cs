using QLora.Adapters;
using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>y = x·Wᵀ + b, with W dense or in 4 bits, and the branch of the adapter in use beside it.</summary>
/// <param name="spec">What it was declared as.</param>
/// <param name="weight">(out, in).</param>
/// <param name="bias">(out), or null.</param>
public sealed class Linear(LinearSpec spec, Weight weight, Parameter? bias) : Module
{
    /// <inheritdoc/>
    public override LinearSpec Spec => spec;

    /// <summary>(out, in).</summary>
    public Weight Weight => weight;

    /// <summary>(out), or null.</summary>
    public Parameter? Bias => bias;

    /// <summary>The branch of the adapter in use; null when none is, or when it does not touch this layer.</summary>
    public LoraBranch? ActiveBranch { get; internal set; }

    /// <inheritdoc/>
    public override long Bytes => weight.Bytes + (bias?.Value.Bytes ?? 0);

    /// <summary>Whether a gradient reaches anything of this layer.</summary>
    internal bool IsTrainable => weight.Parameter is { IsTrainable: true } || bias is { IsTrainable: true } || ActiveBranch is { IsTrainable: true };

    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters
    {
        get
        {
            if (weight is DenseWeight { IsOwned: true } dense) yield return dense.Parameter;
            if (bias is not null) yield return bias;
        }
    }

    /// <summary>The layer's output.</summary>
    /// <param name="x">(tokens, in).</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, out).</returns>
    public Activation Forward(Activation x, ForwardContext context) => context.Linear(x, this);

    /// <inheritdoc/>
    public override void Dispose()
    {
        weight.Dispose();
        bias?.Dispose();
    }
}
