using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Checkpoints;
using QLora.Checkpoints.Gguf;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Cli.Inspecting;

/// <summary>What was found out about a path, from headers and configs alone.</summary>
/// <param name="Kind">model, adapter or safetensors.</param>
/// <param name="Description">The same for a person, with what there is to say beside it.</param>
/// <param name="ModelType">The declared model; null where it is not known.</param>
/// <param name="Parameters">Of the thing itself.</param>
/// <param name="Weights">Its tensors, by name; none for a config without weights.</param>
internal sealed record Inspection(string Kind, string Description, string? ModelType, long Parameters, IReadOnlyList<WeightInfo> Weights)
{
    private const string AdapterConfig = "adapter_config.json";

    /// <summary>Parameters that are stored in blocks with a common scale.</summary>
    public long QuantizedParameters { get; private init; }

    /// <summary>How many tensors there are, or would be.</summary>
    public int TensorCount { get; private init; } = Weights.Count;

    /// <summary>Bytes of the tensors; null for a config without weights.</summary>
    public long? Bytes { get; } = Weights.Count == 0 ? null : Weights.Sum(weight => weight.Bytes);

    /// <summary>What an adapter trains or would train; null where none was asked for.</summary>
    public ParameterCount? Count { get; private init; }

    /// <summary>What else there is to say.</summary>
    public IReadOnlyList<(string Name, JsonNode Value)> Facts { get; private init; } = [];

    /// <summary>Looks at a path.</summary>
    /// <param name="path">A model's folder, a GGUF or safetensors file, an adapter's folder.</param>
    /// <param name="lora">The adapter to count on a model; null for none.</param>
    /// <exception cref="QLoraException">It is nothing that can be told, or broken.</exception>
    public static Inspection Of(string path, LoraConfig? lora)
    {
        var isAdapter = File.Exists(Path.Combine(path, AdapterConfig));
        var isTensors = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && !Directory.Exists(path);
        if (!isAdapter && !isTensors) return OfModel(path, lora);
        if (lora is not null) throw new QLoraException($"{path} is no model; --rank, --target-modules and the like count what an adapter would train on one");
        return isAdapter ? OfAdapter(path) : OfSafetensors(path);
    }

    private static Inspection OfModel(string path, LoraConfig? lora)
    {
        using var file = ModelFile.Open(path);
        var config = file.Config;
        var kind = file.Gguf is not null ? "a GGUF file" : file.Weights is not null ? "a Hugging Face folder" : "a config without weights";
        return new Inspection("model", $"{config.ModelType} model, {kind}", config.ModelType, ParameterCount.Of(file.Modules).All, Sorted(file.Weights?.Weights.Values ?? []))
        {
            QuantizedParameters = file.Weights?.Weights.Values.Where(weight => weight.StoredType is null or DType.Q8).Sum(weight => weight.Shape.Count) ?? 0,
            TensorCount = file.Weights?.Weights.Count ?? file.Modules.Sum(module => module.Weights.Count()),
            Count = lora is null ? null : ParameterCount.Of(file.Modules, lora),
            Facts =
            [
                .. file.Gguf?.Metadata.GetString("general.name") is { } name ? new (string, JsonNode)[] { ("name", name) } : [],
                ("layers", config.NumHiddenLayers),
                ("hidden size", config.HiddenSize),
                ("heads", $"{config.AttentionShape.Heads} ({config.AttentionShape.KeyHeads} key and value heads) of {config.AttentionShape.HeadSize}"),
                ("vocabulary", config.VocabSize),
                ("context", config.MaxPositionEmbeddings),
                ("tied embeddings", config.TieWordEmbeddings),
                .. TrainingState(path),
            ],
        };
    }

    private static Inspection OfAdapter(string folder)
    {
        var lora = LoraConfig.Load(folder);
        using var file = SafetensorsFile.Open(Path.Combine(folder, "adapter_model.safetensors"));
        var weights = Sorted(file.Tensors.Values.Select(Describe));
        var parameters = weights.Sum(weight => weight.Shape.Count);
        return new Inspection("adapter", $"LoRA adapter in PEFT's format on {weights.Count / 2} layers", null, parameters, weights)
        {
            Count = new ParameterCount(parameters, parameters),
            Facts =
            [
                ("base model", ConfigJson.Open(Path.Combine(folder, AdapterConfig)).String("base_model_name_or_path", "not named")),
                ("rank", lora.Rank),
                ("alpha", lora.Alpha),
                ("dropout", lora.Dropout),
                ("scaling", lora.Scaling),
                ("target modules", lora.TargetModules.ToString()),
                .. TrainingState(folder),
            ],
        };
    }

    private static Inspection OfSafetensors(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var weights = Sorted(file.Tensors.Values.Select(Describe));
        return new Inspection("safetensors", "safetensors file", null, weights.Sum(weight => weight.Shape.Count), weights)
        {
            Facts = [.. file.Metadata.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => (entry.Key, (JsonNode)entry.Value))],
        };
    }

    /// <summary>How far a run was that wrote the folder as a checkpoint, and what it updates with; nothing for another folder.</summary>
    private static IEnumerable<(string, JsonNode)> TrainingState(string folder)
    {
        var path = Path.Combine(folder, "trainer_state.json");
        if (!File.Exists(path)) yield break;
        var state = ConfigJson.Open(path);
        yield return ("checkpoint of step", state.Integer("step"));
        if (state.Object("settings")?.Text("--optimizer") is { } optimizer) yield return ("optimizer", optimizer);
    }

    private static WeightInfo Describe(SafetensorsInfo info) => new(info.Name, info.Shape, info.DType, null, info.Bytes);

    private static List<WeightInfo> Sorted(IEnumerable<WeightInfo> weights) => [.. weights.OrderBy(weight => weight.Name, StringComparer.Ordinal)];
}
