namespace QLora.Models;

/// <summary>A part of a layer that owns weights: attention, an MLP, an expert. Declared, and made by generated code.</summary>
/// <typeparam name="TConfig">The config of the families that share it.</typeparam>
/// <param name="config">The config of the model.</param>
/// <param name="layer">The number of the layer it belongs to, from 0.</param>
public abstract class ModelPart<TConfig>(TConfig config, int layer) where TConfig : ModelConfig
{
    /// <summary>The config of the model.</summary>
    protected TConfig Config { get; } = config;

    /// <summary>The number of the layer it belongs to, from 0.</summary>
    public int Layer { get; } = layer;
}
