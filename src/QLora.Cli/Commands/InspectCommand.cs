using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Checkpoints;
using QLora.Cli.Frame;
using QLora.Cli.Inspecting;
using QLora.Cli.Options;
using Spectre.Console;

namespace QLora.Cli.Commands;

/// <summary><c>qlora inspect</c>: what a model, a checkpoint or an adapter is. No weight is read.</summary>
internal sealed class InspectCommand : CliCommand
{
    private readonly Argument<string> _path = new("PATH") { Description = "A model's folder, a .gguf or .safetensors file, an adapter's folder or a training checkpoint" };
    private readonly LoraOptions _lora = new();
    private readonly Option<bool> _tensors = NewOption.Flag("--tensors", "List every tensor");

    public InspectCommand() : base("inspect", "Show what a model, a checkpoint or an adapter is: parameters, tensors, quantisation, and what an adapter would train")
    {
        Add(_path);
        Add(_lora);
        Add(_tensors);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("What a model is", "qlora inspect SmolLM2-135M-Instruct.Q4_1.gguf"),
        new("How much an adapter would train, counted from config.json alone", "qlora inspect llama-2-7b --rank 8 --target-modules q_proj,v_proj"),
        new("Every tensor of an adapter", "qlora inspect my-adapter --tensors"),
        new("For a script", "qlora inspect my-model --json"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var path = context.Get(_path);
        var inspection = Inspection.Of(path, _lora.IsGiven(context) ? _lora.Read(context) : null);
        context.Result(ToJson(inspection, context.Get(_tensors)), console => Write(console, inspection, context.Get(_tensors)));
        return ExitCode.Success;
    }

    private static JsonObject ToJson(Inspection inspection, bool listTensors)
    {
        var json = new JsonObject
        {
            ["kind"] = inspection.Kind,
            ["model_type"] = inspection.ModelType,
            ["parameters"] = inspection.Parameters,
            ["quantized_parameters"] = inspection.QuantizedParameters,
            ["trainable_parameters"] = inspection.Count?.Trainable ?? 0,
            ["all_parameters"] = inspection.Count?.All ?? inspection.Parameters,
            ["bytes"] = inspection.Bytes,
            ["tensors"] = inspection.TensorCount,
        };
        foreach (var (name, value) in inspection.Facts) json[name.Replace(' ', '_')] = value;
        if (listTensors) json["tensor_list"] = new JsonArray([.. inspection.Weights.Select(ToJson)]);
        return json;
    }

    private static JsonObject ToJson(WeightInfo weight) => new()
    {
        ["name"] = weight.Name,
        ["shape"] = new JsonArray([.. Enumerable.Range(0, weight.Shape.Rank).Select(axis => (JsonNode)weight.Shape[axis])]),
        ["format"] = weight.Format,
        ["bytes"] = weight.Bytes,
    };

    private static void Write(IAnsiConsole console, Inspection inspection, bool listTensors)
    {
        console.WriteFacts(
        [
            ("what it is", inspection.Description),
            .. inspection.Facts.Select(fact => (fact.Name, ForPeople(fact.Value))),
            ("parameters", Numbers.Count(inspection.Parameters)),
            ("tensors", Numbers.Count(inspection.TensorCount)),
            .. inspection.Bytes is { } bytes ? new[] { ("size", Numbers.Bytes(bytes)) } : [],
        ]);
        if (inspection.Weights.Count > 0)
        {
            console.WriteLine();
            if (listTensors) console.WriteRows(["tensor", "shape", "format", "bytes"], inspection.Weights.Select(weight => new[] { weight.Name, weight.Shape.ToString(), weight.Format, Numbers.Count(weight.Bytes) }));
            else console.WriteRows(["format", "tensors", "parameters", "bytes"], inspection.Weights.GroupBy(weight => weight.Format).OrderByDescending(group => group.Sum(weight => weight.Bytes)).Select(ToRow));
        }

        if (inspection.Count is not { } count || inspection.ModelType is null) return;
        console.WriteLine();
        console.WriteLine(count.ToString());
    }

    private static string ForPeople(JsonNode value) => value.GetValueKind() switch
    {
        JsonValueKind.Number => decimal.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture).ToString("#,0.######", CultureInfo.InvariantCulture),
        JsonValueKind.True => "yes",
        JsonValueKind.False => "no",
        _ => value.ToString(),
    };

    private static string[] ToRow(IGrouping<string, WeightInfo> group) =>
    [
        group.Key,
        Numbers.Count(group.Count()),
        Numbers.Count(group.Sum(weight => weight.Shape.Count)),
        Numbers.Count(group.Sum(weight => weight.Bytes)),
    ];
}
