using QLora.Autograd;

namespace QLora.Models;

/// <summary>One layer of a model, repeated.</summary>
public interface IDecoderBlock
{
    /// <summary>Its number, from 0.</summary>
    int Layer { get; }

    /// <summary>The residual stream after this block.</summary>
    /// <param name="x">(tokens, hidden) Float32.</param>
    /// <param name="context">Where ops run and are recorded.</param>
    Activation Forward(Activation x, ForwardContext context);
}

/// <summary>One layer of a model, repeated, with the config of its family. Declared, and made by generated code.</summary>
/// <typeparam name="TConfig">The config of the family.</typeparam>
/// <param name="config">The config.</param>
/// <param name="layer">Its number, from 0.</param>
public abstract class DecoderBlock<TConfig>(TConfig config, int layer) : ModelPart<TConfig>(config, layer), IDecoderBlock where TConfig : ModelConfig
{
    /// <inheritdoc/>
    public abstract Activation Forward(Activation x, ForwardContext context);
}
