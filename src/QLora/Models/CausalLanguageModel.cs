using QLora.Autograd;
using QLora.Layers;

namespace QLora.Models;

/// <summary>
/// A decoder-only language model. A family derives from <see cref="CausalLanguageModel{TConfig}"/>, declares its weights as annotated partial properties and
/// writes <see cref="Forward"/> by hand; the rest is generated.
/// </summary>
public abstract partial class CausalLanguageModel : IDisposable
{
    /// <summary>What the model is, in numbers.</summary>
    public abstract ModelConfig Config { get; }

    /// <summary>Every declared module, in the order of the declaration, as <c>(spec, layer)</c>. Generated.</summary>
    public abstract IReadOnlyList<Module> Modules { get; }

    /// <summary>The layer that turns hidden states into logits.</summary>
    public abstract Linear LmHead { get; }

    /// <summary>The hidden states after the final norm.</summary>
    /// <param name="batch">The tokens, sequence after sequence.</param>
    /// <param name="context">Where ops run and are recorded.</param>
    /// <returns>(tokens, hidden) Float32.</returns>
    public abstract Activation Forward(TokenBatch batch, ForwardContext context);
}

/// <summary>A decoder-only language model with the config of its family.</summary>
/// <typeparam name="TConfig">The config of the family.</typeparam>
/// <param name="config">The config.</param>
public abstract class CausalLanguageModel<TConfig>(TConfig config) : CausalLanguageModel where TConfig : ModelConfig
{
    /// <inheritdoc/>
    public sealed override TConfig Config { get; } = config;
}

/// <summary>One layer of a model, repeated.</summary>
/// <typeparam name="TConfig">The config of the family.</typeparam>
/// <param name="config">The config.</param>
/// <param name="index">Its number, from 0.</param>
public abstract class DecoderBlock<TConfig>(TConfig config, int index) : DecoderBlock(index) where TConfig : ModelConfig
{
    /// <summary>The config of the model.</summary>
    protected TConfig Config { get; } = config;
}

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
