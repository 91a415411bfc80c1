using QLora.Backends;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;

namespace QLora.Models;

/// <summary>A checkpoint on disk, opened but not loaded: what model it is and what it holds. A Hugging Face folder or a GGUF file.</summary>
public sealed class ModelFile : IDisposable
{
    private ModelFile(string path, ModelFamily family, ModelConfig config, WeightSource? weights, GgufFile? gguf)
        => (Path, Family, Config, Weights, Gguf) = (path, family, config, weights, gguf);

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>The declared model that it is.</summary>
    public ModelFamily Family { get; }

    /// <summary>Its config.</summary>
    public ModelConfig Config { get; }

    /// <summary>Its weights; null for a folder that holds only a config.</summary>
    public WeightSource? Weights { get; }

    /// <summary>The GGUF file with its metadata; null for a folder.</summary>
    public GgufFile? Gguf { get; }

    /// <summary>Every module the model has, from the config alone.</summary>
    public IReadOnlyList<ModuleSpec> Modules => Family.Describe(Config);

    /// <summary>Opens a checkpoint; weights are mapped, not read.</summary>
    /// <param name="path">A folder with config.json (and model.safetensors or shards with an index), or a .gguf file.</param>
    /// <exception cref="QLoraException">It is missing, broken, or of a model that nobody declared.</exception>
    public static ModelFile Open(string path)
    {
        if (Directory.Exists(path)) return OpenFolder(path);
        if (File.Exists(path)) return OpenGguf(path);
        throw new QLoraException($"{path}: there is no such model; expected a folder with config.json or a .gguf file");
    }

    /// <summary>Loads the model.</summary>
    /// <param name="backend">Where its weights shall lie.</param>
    /// <param name="quantization">How linear weights are stored; NF4 with double quantisation when null. Weights that are in 4 bits already stay as they are.</param>
    /// <param name="progress">Told the share that is loaded, from 0 to 1.</param>
    /// <exception cref="QLoraException">A tensor is missing, extra, misshapen or in a format that cannot be read.</exception>
    public CausalLanguageModel Load(Backend backend, QuantizationOptions? quantization = null, IProgress<double>? progress = null)
    {
        if (Weights is null) throw new QLoraException($"{Path}: there are no weights beside config.json; expected model.safetensors or model.safetensors.index.json");
        Action<int>? report = progress is null ? null : read => progress.Report(Math.Min(1, (double)read / Weights.Weights.Count));
        CheckpointCheck.Fits(Weights, Modules);
        var builder = new CheckpointBuilder(Weights, backend, quantization ?? new QuantizationOptions(), report);
        try
        {
            return Family.Create(Config, builder);
        }
        catch
        {
            builder.Abandon();
            throw;
        }
    }

    /// <summary>Unmaps the files. A loaded model does not need them.</summary>
    public void Dispose()
    {
        Weights?.Dispose();
        Gguf?.Dispose();
    }

    private static ModelFile OpenFolder(string path)
    {
        var file = System.IO.Path.Combine(path, "config.json");
        if (!File.Exists(file))
        {
            throw new QLoraException(File.Exists(System.IO.Path.Combine(path, Adapters.AdapterFile.ConfigName))
                ? $"{path}: this is an adapter, expected the model that it is for"
                : $"{path}: there is no config.json in this folder; expected a model's folder or a .gguf file");
        }

        var json = ConfigJson.Open(file);
        var family = ModelRegistry.ForModelType(json.String("model_type"), file);
        var config = family.ReadConfig(json);
        var weights = SafetensorsCheckpoint.Exists(path) ? BaseModelCheckpoint.Complete(SafetensorsCheckpoint.Open(path), family.Describe(config)) : null;
        return new ModelFile(path, family, config, weights, null);
    }

    private static ModelFile OpenGguf(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            var architecture = file.Metadata.GetString("general.architecture") ?? throw new QLoraException($"{path}: key general.architecture is missing");
            var family = ModelRegistry.ForGguf(architecture, file);
            return new ModelFile(path, family, family.ReadConfig(file), new GgufCheckpoint(file), file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }
}
