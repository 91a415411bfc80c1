using System.Text.Json;
using System.Text.Json.Nodes;
using QLora.Autograd;
using QLora.Checkpoints;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Adapters;

/// <summary>Adapters on disk in PEFT's format: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</summary>
internal static class AdapterFile
{
    public const string ConfigName = "adapter_config.json";
    public const string WeightsName = "adapter_model.safetensors";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, IndentSize = 2 };

    /// <summary>Reads the settings of an adapter.</summary>
    /// <param name="folder">Holds <see cref="ConfigName"/>.</param>
    /// <exception cref="QLoraException">It is missing, broken, or asks for something that this engine does not do.</exception>
    public static LoraConfig ReadConfig(string folder)
    {
        var path = Path.Combine(folder, ConfigName);
        if (!File.Exists(path)) throw new QLoraException($"{folder}: there is no adapter here; expected {ConfigName} and {WeightsName}");
        var json = ConfigJson.Open(path);
        var type = json.String("peft_type");
        if (type != "LORA") throw json.Error("peft_type", $"'{type}' is not supported; expected LORA");
        PeftFields.RefuseUnsupported(json);
        var config = new LoraConfig
        {
            Rank = json.Integer("r", 8),
            Alpha = (float)json.Number("lora_alpha", 8),
            Dropout = (float)json.Number("lora_dropout", 0),
            UseRsLora = json.Boolean("use_rslora", false),
            TargetModules = PeftFields.ReadTargets(json),
        };
        try
        {
            return config.Validated();
        }
        catch (QLoraException cause)
        {
            throw new QLoraException($"{path}: {cause.Message}", cause);
        }
    }

    /// <summary>Reads an adapter for a model.</summary>
    /// <exception cref="QLoraException">A tensor is missing, extra or misshapen: it is broken or for another model.</exception>
    public static LoraAdapter Load(string folder, string name, CausalLanguageModel model)
    {
        var config = ReadConfig(folder);
        var path = Path.Combine(folder, WeightsName);
        using var file = SafetensorsFile.Open(path);
        var used = new HashSet<string>(StringComparer.Ordinal);

        void Read(Parameter parameter)
        {
            var (tensor, expected) = (parameter.Name, parameter.Value.Shape);
            const string Why = "the adapter is broken or for another model";
            if (!file.Tensors.TryGetValue(tensor, out var info)) throw new QLoraException($"{path}: tensor {tensor} {expected} is missing; {Why}");
            if (info.Shape != expected) throw new QLoraException($"{path}: tensor {tensor} has shape {info.Shape}, expected {expected}; {Why}");
            used.Add(tensor);
            model.Backend.CopyFromHost<float>(file.ReadFloats(tensor), parameter.Value);
        }

        var adapter = LoraAdapter.Create(name, model, config, (_, branch) =>
        {
            Read(branch.A);
            Read(branch.B);
        });
        var extra = file.Tensors.Keys.Where(tensor => !used.Contains(tensor)).Order(StringComparer.Ordinal).ToList();
        if (extra.Count == 0) return adapter;
        adapter.Dispose();
        throw new QLoraException($"{path}: {extra.Count} tensor{(extra.Count == 1 ? "" : "s")} that target_modules does not name or the model does not have: "
            + $"{string.Join(", ", extra.Take(5))}{(extra.Count > 5 ? ", …" : "")}");
    }

    /// <summary>Writes an adapter; each file is complete or not there.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="model">The model it is on.</param>
    /// <param name="folder">Made when it is not there.</param>
    /// <param name="baseModel">What <c>base_model_name_or_path</c> shall say.</param>
    public static void Save(LoraAdapter adapter, CausalLanguageModel model, string folder, string? baseModel)
    {
        AtomicFile.CreateFolder(folder);
        ParameterFile.Write(Path.Combine(folder, WeightsName), model.Backend, adapter.Parameters.Select(parameter => (parameter.Name, parameter.Value)));
        AtomicFile.WriteText(Path.Combine(folder, ConfigName), PeftFields.Write(adapter.Config, baseModel, adapter.Branches.Any(entry => entry.Layer.Spec.Transposed)).ToJsonString(Indented) + "\n");
    }
}
