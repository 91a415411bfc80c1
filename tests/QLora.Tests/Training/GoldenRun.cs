using System.Text.Json;
using QLora.Checkpoints;
using QLora.Data;
using QLora.Models;
using QLora.Testing;
using QLora.Training;

namespace QLora.Tests.Training;

/// <summary>A recorded training run: its settings, data and numbers per step.</summary>
public sealed record GoldenRun(string Folder, string Base, QuantizationOptions Quantization, TrainingOptions Options, IReadOnlyList<GoldenStep> Steps)
{
    public static GoldenRun Open(string name)
    {
        var folder = TestData.Golden($"train/{name}");
        using var trace = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "trace.json")));
        var (root, optimizer, schedule) = (trace.RootElement, trace.RootElement.GetProperty("optimizer"), trace.RootElement.GetProperty("schedule"));
        var steps = root.GetProperty("steps").EnumerateArray().Select(GoldenStep.Read).ToList();
        var options = new TrainingOptions
        {
            BatchSize = 2, // rows of a recorded micro-batch
            GradientAccumulationSteps = root.GetProperty("gradient_accumulation").GetInt32(),
            LearningRate = optimizer.GetProperty("lr").GetDouble(),
            WeightDecay = optimizer.GetProperty("weight_decay").GetDouble(),
            MaxGradNorm = optimizer.GetProperty("max_grad_norm").GetDouble(),
            Schedule = Enum.Parse<LearningRateScheduleKind>(schedule.GetProperty("name").GetString()!, ignoreCase: true),
            Optimizer = optimizer.GetProperty("name").GetString() == "adamw8bit" ? OptimizerKind.AdamW8Bit : OptimizerKind.AdamW,
            Min8BitSize = optimizer.TryGetProperty("min_8bit_size", out var size) ? size.GetInt32() : 0,
            WarmupSteps = schedule.GetProperty("warmup_steps").GetInt32(),
            Shuffle = false,
        };
        return new GoldenRun(folder, root.GetProperty("base").GetString()!, ReadQuantization(root.GetProperty("quantization")), options, steps);
    }

    /// <summary>The recorded rows, without their padding.</summary>
    public Dataset Data()
    {
        using var file = SafetensorsFile.Open(Path.Combine(Folder, "data.safetensors"));
        var (ids, mask, labels) = (file.ReadIntegers("input_ids"), file.ReadIntegers("attention_mask"), file.ReadIntegers("labels"));
        return Dataset.Of("recorded data", Rows(ids, mask, labels, file.Tensors["input_ids"].Shape[2]));
    }

    public static List<TrainingExample> Rows(long[] ids, long[] mask, long[] labels, int length) =>
    [
        .. Enumerable.Range(0, ids.Length / length).Select(row =>
        {
            var tokens = Enumerable.Range(row * length, length).Where(i => mask[i] == 1).ToList();
            return new TrainingExample([.. tokens.Select(i => (int)ids[i])], [.. tokens.Select(i => (int)labels[i])]);
        }),
    ];

    private static QuantizationOptions ReadQuantization(JsonElement json) => json.ValueKind == JsonValueKind.Null
        ? QuantizationOptions.None
        : new QuantizationOptions(
            Enum.Parse<QLora.Quantization.QuantizationType>(json.GetProperty("type").GetString()!, ignoreCase: true),
            json.GetProperty("blocksize").GetInt32(), json.GetProperty("double").GetBoolean());
}

/// <summary>What was recorded of one step.</summary>
public sealed record GoldenStep(double Loss, double GradientNorm, double? LearningRate, int? Tokens)
{
    public static GoldenStep Read(JsonElement json) => new(
        json.GetProperty("loss").GetDouble(), json.GetProperty("grad_norm").GetDouble(),
        json.TryGetProperty("lr", out var rate) ? rate.GetDouble() : null, json.TryGetProperty("tokens", out var tokens) ? tokens.GetInt32() : null);
}
