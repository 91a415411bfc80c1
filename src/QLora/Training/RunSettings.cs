using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using QLora.Autograd;
using QLora.Data;
using QLora.Layers;
using QLora.Models;

namespace QLora.Training;

/// <summary>
/// Everything that decides the numbers of a run, by the names of the options: a checkpoint remembers it, and a run goes on only with the same. What changes memory and
/// time alone (recomputation, how often is saved or evaluated) is not among it.
/// </summary>
internal sealed class RunSettings
{
    private const string ComputeDType = "--compute-dtype";
    private const string Optimizer = "--optimizer";

    private readonly List<(string Name, string Value)> _values = [];

    /// <summary>The settings of a run.</summary>
    public RunSettings(CausalLanguageModel model, Dataset data, TrainingOptions options, int totalSteps)
    {
        AddModel(model);
        Add(ComputeDType, model.ComputeDType.ToString().ToLowerInvariant());
        Add("data", $"{data.Examples.Count} examples of {data.Tokens} tokens, {Hash(data)}");
        Add("--batch-size", options.BatchSize);
        Add("--gradient-accumulation-steps", options.GradientAccumulationSteps);
        Add("--packing", options.Packing ? $"rows of {data.MaxLength}" : "false");
        Add("--shuffle", options.Shuffle ? "true" : "false");
        Add("--seed", options.Seed);
        Add("--learning-rate", options.LearningRate);
        Add("--lr-scheduler", options.Schedule.ToString().ToLowerInvariant());
        Add("--warmup-steps", options.WarmupSteps);
        if (options.Schedule != LearningRateScheduleKind.Constant) Add("steps", totalSteps); // by --max-steps or --epochs
        Add("--weight-decay", options.WeightDecay);
        Add("--max-grad-norm", options.MaxGradNorm?.ToString(CultureInfo.InvariantCulture) ?? "none");
        Add(Optimizer, options.Optimizer.Is8Bit() ? $"adamw8bit from {options.Min8BitSize} elements on" : "adamw");
    }

    /// <summary>As <c>trainer_state.json</c> holds it.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var (name, value) in _values) json[name] = value;
        return json;
    }

    /// <summary>Refuses a checkpoint of a run with other settings.</summary>
    /// <exception cref="QLoraException">A setting differs; the message lists all that do, with both values.</exception>
    public void CheckSame(string checkpoint, ConfigJson remembered)
    {
        // A checkpoint that says nothing of the type or the optimizer is older than the choice.
        string? Was(string name) => remembered.Text(name) ?? name switch { ComputeDType => "float32", Optimizer => "adamw", _ => null };
        var different = _values.Where(entry => Was(entry.Name) != entry.Value)
            .Select(entry => $"{entry.Name} is {entry.Value} and was {Was(entry.Name) ?? "not recorded"}").ToList();
        if (different.Count == 0) return;
        throw new QLoraException($"{checkpoint} belongs to another run: {string.Join("; ", different)}. A run goes on with the settings that it began with");
    }

    private void AddModel(CausalLanguageModel model)
    {
        Add("model", $"{model.Config.ModelType} of {model.ParameterCount.All - model.ParameterCount.Trainable} parameters");
        if (model.Adapters.Active?.Config is not { } lora)
        {
            Add("--method", "full");
            return;
        }

        Add("--method", "lora");
        Add("base", Hash(model));
        Add("--quantization", model.Modules.OfType<Linear>().Select(layer => layer.Weight).OfType<QuantizedWeight>().FirstOrDefault() is { Tensor: var weight }
            ? $"{weight.Type.ToString().ToLowerInvariant()}, blocks of {weight.BlockSize}, {(weight.Nested is null ? "single" : "double")}"
            : "none");
        Add("--rank", lora.Rank);
        Add("--alpha", lora.Alpha);
        Add("--dropout", lora.Dropout);
        Add("--use-rslora", lora.UseRsLora ? "true" : "false");
        Add("--target-modules", lora.TargetModules.ToString());
    }

    private void Add(string name, IFormattable value) => Add(name, value.ToString(null, CultureInfo.InvariantCulture));

    private void Add(string name, string value) => _values.Add((name, value));

    private static string Hash(Dataset data)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var example in data.Examples)
        {
            hash.AppendData(MemoryMarshal.AsBytes<int>([example.InputIds.Length]));
            hash.AppendData(MemoryMarshal.AsBytes<int>(example.InputIds));
            hash.AppendData(MemoryMarshal.AsBytes<int>(example.Labels));
        }

        return Short(hash);
    }

    /// <summary>The norms stand for the whole base: they are few, they are never quantised, and hardly two models share them.</summary>
    private static string Hash(CausalLanguageModel model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var norm in model.Modules.OfType<RmsNorm>())
        {
            var values = new float[norm.Weight.Value.Count];
            model.Backend.CopyToHost(norm.Weight.Value, values.AsSpan());
            hash.AppendData(MemoryMarshal.AsBytes<float>(values));
        }

        return $"weights {Short(hash)}";
    }

    private static string Short(IncrementalHash hash) => Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
}
