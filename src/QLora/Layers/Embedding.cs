using QLora.Autograd;
using QLora.Models;

namespace QLora.Layers;

/// <summary>A row of the table for every token, or every position.</summary>
/// <param name="spec">What it was declared as.</param>
/// <param name="weight">(rows, hidden).</param>
public sealed class Embedding(EmbeddingSpec spec, Parameter weight) : Module
{
    /// <inheritdoc/>
    public override EmbeddingSpec Spec => spec;

    /// <summary>(rows, hidden).</summary>
    public Parameter Weight => weight;

    /// <inheritdoc/>
    public override long Bytes => weight.Value.Bytes;

    /// <inheritdoc/>
    public override IEnumerable<Parameter> Parameters => [weight];

    /// <summary>The rows of the batch's tokens.</summary>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation Forward(ForwardContext context) => context.Embed(this);

    /// <summary>The rows of the batch's positions: a learned position embedding.</summary>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden).</returns>
    public Activation ForwardPositions(ForwardContext context) => context.EmbedPositions(this);

    /// <inheritdoc/>
    public override void Dispose() => weight.Dispose();
}
