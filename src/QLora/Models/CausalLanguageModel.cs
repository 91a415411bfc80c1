using QLora.Adapters;
using QLora.Autograd;
using QLora.Backends;
using QLora.Layers;
using QLora.Tensors;

namespace QLora.Models;

/// <summary>
/// A decoder-only language model. A family derives from <see cref="CausalLanguageModel{TConfig}"/>, declares its weights as annotated partial properties and
/// writes <see cref="Forward"/> by hand; the rest is generated.
/// </summary>
/// <param name="backend">Where its weights lie and its ops run.</param>
public abstract class CausalLanguageModel(Backend backend) : IDisposable
{
    /// <summary>Where its weights lie and its ops run.</summary>
    public Backend Backend => backend;

    /// <summary>What the model is, in numbers.</summary>
    public abstract ModelConfig Config { get; }

    /// <summary>Every declared module, in the order of the declaration. Generated.</summary>
    public abstract IReadOnlyList<Module> Modules { get; }

    /// <summary>The layer that turns hidden states into logits.</summary>
    public abstract Linear LmHead { get; }

    /// <summary>The adapters on this model, by name.</summary>
    public AdapterSet Adapters => field ??= new AdapterSet(this);

    /// <summary>
    /// The type of activations and of their gradients: Float32, or BFloat16, which halves their memory and rounds each result to eight bits. Sums, logits, adapters and the
    /// gradients of what is trained are Float32 either way. Every pass that begins later has it.
    /// </summary>
    /// <exception cref="ArgumentException">Set to another type.</exception>
    public DType ComputeDType
    {
        get;
        set => field = value is DType.Float32 or DType.BFloat16 ? value : throw new ArgumentException($"{value} is no type of activations, expected Float32 or BFloat16", nameof(value));
    }

    /// <summary>Everything that is trained now: the adapter in use, or every weight after <see cref="TrainAllWeights"/>.</summary>
    public IEnumerable<Parameter> TrainableParameters
        => Modules.SelectMany(module => module.Parameters).Concat(Adapters.Active?.Parameters ?? []).Where(parameter => parameter.IsTrainable);

    /// <summary>How many parameters there are, and how many of them are trained by the adapter in use.</summary>
    public ParameterCount ParameterCount => ParameterCount.Of([.. Modules.Select(module => module.Spec)], Adapters.Active?.Config);

    internal RotaryTables RotaryTables { get; } = new(backend);

    /// <summary>The hidden states after the final norm, (tokens, hidden), of the context's batch.</summary>
    /// <param name="context">The pass: its batch, where ops run and are recorded.</param>
    public abstract Activation Forward(ForwardContext context);

    /// <summary>Makes every weight trainable, for training a model rather than an adapter. Weights in another format are widened to Float32.</summary>
    /// <exception cref="QLoraException">A weight is in 4 bits.</exception>
    public void TrainAllWeights()
    {
        if (Modules.OfType<Linear>().FirstOrDefault(linear => linear.Weight is QuantizedWeight) is { } quantized)
        {
            throw new QLoraException($"{quantized.Path} is in 4 bits and cannot be trained; load the model with quantization none, or train an adapter");
        }

        foreach (var parameter in Modules.SelectMany(module => module.Parameters)) parameter.Train(backend);
    }

    /// <summary>Writes PEFT's line of trainable parameters.</summary>
    /// <param name="writer">Where to; the console when null.</param>
    public void PrintTrainableParameters(TextWriter? writer = null) => (writer ?? Console.Out).WriteLine(ParameterCount);

    /// <summary>Gives the weights and the adapters back. The backend stays.</summary>
    public void Dispose()
    {
        Adapters.Dispose();
        foreach (var module in Modules) module.Dispose();
        RotaryTables.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A decoder-only language model with the config of its family.</summary>
/// <typeparam name="TConfig">The config of the family.</typeparam>
/// <param name="config">The config.</param>
/// <param name="backend">Where its weights lie and its ops run.</param>
public abstract class CausalLanguageModel<TConfig>(TConfig config, Backend backend) : CausalLanguageModel(backend) where TConfig : ModelConfig
{
    /// <inheritdoc/>
    public sealed override TConfig Config { get; } = config;
}
