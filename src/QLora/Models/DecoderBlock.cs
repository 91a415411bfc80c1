using QLora.Autograd;

namespace QLora.Models;

/// <summary>One layer of a model, repeated.</summary>
/// <param name="index">Its number, from 0.</param>
public abstract class DecoderBlock(int index)
{
    /// <summary>Its number, from 0.</summary>
    public int Index { get; } = index;

    /// <summary>The residual stream after this block.</summary>
    /// <param name="x">(tokens, hidden) Float32.</param>
    /// <param name="context">Where ops run and are recorded.</param>
    public abstract Activation Forward(Activation x, ForwardContext context);
}

/// <summary>One layer of a model, repeated, with the config of its family.</summary>
/// <typeparam name="TConfig">The config of the family.</typeparam>
/// <param name="config">The config.</param>
/// <param name="index">Its number, from 0.</param>
public abstract class DecoderBlock<TConfig>(TConfig config, int index) : DecoderBlock(index) where TConfig : ModelConfig
{
    /// <summary>The config of the model.</summary>
    protected TConfig Config { get; } = config;
}
