using System.Collections.Concurrent;
using QLora.Backends;
using QLora.Checkpoints.Gguf;

namespace QLora.Models;

/// <summary>What the generator emits for every declared model.</summary>
/// <typeparam name="TSelf">The model.</typeparam>
/// <typeparam name="TConfig">Its config.</typeparam>
public interface ICausalLanguageModel<TSelf, TConfig>
    where TSelf : CausalLanguageModel, ICausalLanguageModel<TSelf, TConfig>
    where TConfig : ModelConfig, IModelConfig<TConfig>
{
    /// <summary><c>model_type</c> in config.json.</summary>
    static abstract string ModelType { get; }

    /// <summary><c>general.architecture</c> in GGUF files.</summary>
    static abstract string GgufArchitecture { get; }

    /// <summary>Every module of a model with this config, in the order of the declaration.</summary>
    static abstract IReadOnlyList<ModuleSpec> Describe(TConfig config);

    /// <summary>A model whose layers the builder makes, on the builder's backend.</summary>
    static abstract TSelf Create(TConfig config, ModuleBuilder builder);
}

/// <summary>A config that can be read from both kinds of checkpoint.</summary>
/// <typeparam name="TSelf">The config.</typeparam>
public interface IModelConfig<TSelf> where TSelf : ModelConfig
{
    /// <summary>Reads config.json, in the form of transformers 4 or 5.</summary>
    /// <exception cref="QLoraException">A field is missing, of the wrong kind, or not supported; the message names it.</exception>
    static abstract TSelf FromJson(ConfigJson json);

    /// <summary>Reads the metadata of a GGUF file.</summary>
    /// <exception cref="QLoraException">A key is missing, of the wrong kind, or not supported; the message names it.</exception>
    static abstract TSelf FromGguf(GgufFile file);

    /// <summary>Whether a GGUF file is of this family, where several share one <c>general.architecture</c>. The family that is named like the architecture takes what no other does.</summary>
    static virtual bool Recognizes(GgufFile file) => false;
}

/// <summary>The declared models by <c>model_type</c>. Generated module initialisers enter each model; nothing is found by reflection.</summary>
public static class ModelRegistry
{
    private static readonly ConcurrentDictionary<string, ModelFamily> Families = new(StringComparer.Ordinal);

    /// <summary>The known <c>model_type</c>s, in alphabetical order.</summary>
    public static IEnumerable<string> ModelTypes => Families.Keys.Order(StringComparer.Ordinal);

    /// <summary>Enters a model. A second one of the same type replaces the first, so that a user's own declaration wins.</summary>
    public static void Register<TModel, TConfig>()
        where TModel : CausalLanguageModel, ICausalLanguageModel<TModel, TConfig>
        where TConfig : ModelConfig, IModelConfig<TConfig>
        => Families[TModel.ModelType] = new ModelFamily<TModel, TConfig>();

    /// <summary>The family of a <c>model_type</c>.</summary>
    /// <param name="modelType">What a config says.</param>
    /// <param name="origin">Where it says so, for messages.</param>
    /// <exception cref="QLoraException">Nobody declared it; the message lists those that exist.</exception>
    public static ModelFamily ForModelType(string modelType, string origin) => Families.TryGetValue(modelType, out var family)
        ? family
        : throw new QLoraException($"{origin}: model_type '{modelType}' is not known; there are {string.Join(", ", ModelTypes)}");

    /// <summary>The family of a GGUF file.</summary>
    /// <param name="architecture">Its <c>general.architecture</c>.</param>
    /// <param name="file">The file.</param>
    /// <exception cref="QLoraException">Nobody declared it; the message lists those that exist.</exception>
    public static ModelFamily ForGguf(string architecture, GgufFile file)
    {
        var candidates = Families.Values.Where(family => family.GgufArchitecture == architecture).ToList();
        if (candidates.Count == 0)
        {
            throw new QLoraException($"{file.Path}: general.architecture '{architecture}' is not known; there are "
                + string.Join(", ", Families.Values.Select(family => family.GgufArchitecture).Distinct().Order(StringComparer.Ordinal)));
        }

        return candidates.FirstOrDefault(family => family.Recognizes(file)) ?? candidates.FirstOrDefault(family => family.ModelType == architecture) ?? candidates[0];
    }
}

/// <summary>A declared model without its type parameters.</summary>
public abstract class ModelFamily
{
    /// <summary><c>model_type</c> in config.json.</summary>
    public abstract string ModelType { get; }

    /// <summary><c>general.architecture</c> in GGUF files.</summary>
    public abstract string GgufArchitecture { get; }

    /// <summary>Whether a GGUF file of its architecture is of this family.</summary>
    public abstract bool Recognizes(GgufFile file);

    /// <summary>Reads config.json.</summary>
    public abstract ModelConfig ReadConfig(ConfigJson json);

    /// <summary>Reads the metadata of a GGUF file.</summary>
    public abstract ModelConfig ReadConfig(GgufFile file);

    /// <summary>Every module of a model with this config.</summary>
    public abstract IReadOnlyList<ModuleSpec> Describe(ModelConfig config);

    /// <summary>A model whose layers the builder makes, on the builder's backend.</summary>
    public abstract CausalLanguageModel Create(ModelConfig config, ModuleBuilder builder);

    /// <summary>A new model with random weights in Float32, to be trained from the beginning.</summary>
    /// <param name="config">What it is, in numbers.</param>
    /// <param name="backend">Where its weights shall lie.</param>
    /// <param name="seed">What they are drawn from.</param>
    public CausalLanguageModel CreateRandom(ModelConfig config, Backend backend, ulong seed = 42) => Create(config, new RandomBuilder(backend, seed));
}

internal sealed class ModelFamily<TModel, TConfig> : ModelFamily
    where TModel : CausalLanguageModel, ICausalLanguageModel<TModel, TConfig>
    where TConfig : ModelConfig, IModelConfig<TConfig>
{
    public override string ModelType => TModel.ModelType;

    public override string GgufArchitecture => TModel.GgufArchitecture;

    public override bool Recognizes(GgufFile file) => TConfig.Recognizes(file);

    public override ModelConfig ReadConfig(ConfigJson json) => TConfig.FromJson(json);

    public override ModelConfig ReadConfig(GgufFile file) => TConfig.FromGguf(file);

    public override IReadOnlyList<ModuleSpec> Describe(ModelConfig config) => TModel.Describe((TConfig)config);

    public override CausalLanguageModel Create(ModelConfig config, ModuleBuilder builder) => TModel.Create((TConfig)config, builder);
}
