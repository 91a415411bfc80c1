using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Cli.Commands;

/// <summary><c>qlora merge</c>: a model with an adapter folded into its weights.</summary>
internal sealed class MergeCommand : CliCommand
{
    private readonly ModelOptions _model = new(QuantizationOptions.None, "The adapter to fold in; without one the model is written as it is", runs: false);
    private readonly Option<string?> _output = NewOption.Text("--output", "Folder for the merged model", "DIR").Needed();
    private readonly DTypeOption _dtype = new(DType.BFloat16);
    private readonly Option<bool> _overwrite = NewOption.Flag("--overwrite", "Replace a model in --output");

    public MergeCommand() : base("merge", "Fold an adapter into its model: W + B·A·alpha/rank, written as a folder that loads like any model")
    {
        Add(_model);
        Add(_output);
        Add(_dtype);
        Add(_overwrite);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("Into the weights of the checkpoint", "qlora merge --model my-model --adapter my-adapter --output my-merged-model"),
        new("Into the 4-bit weights that the adapter was trained on, in full precision", "qlora merge --model my-model --adapter my-adapter --output my-merged-model --quantization nf4 --dtype float32"),
        new("No adapter: a GGUF file as a folder", "qlora merge --model model.gguf --output my-model --dtype bfloat16"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var output = context.Need(_output);
        using var file = _model.Open(context);
        var text = ModelText.Of(file);
        OutputFolder.CheckTakesModel(output, context.Get(_overwrite));
        context.LeftOnDisk = "nothing was written";
        using var loaded = _model.Load(context, file);
        var dtype = _dtype.Read(context);
        var report = ModelMerger.Save(loaded.Model, output, dtype, context.Progress("writing the merged model"));
        text.Save(output);
        context.Result(
            new JsonObject
            {
                ["model"] = output,
                ["dtype"] = dtype.ToString().ToLowerInvariant(),
                ["merged_layers"] = report.MergedLayers,
                ["update_share"] = report.UpdateShare,
                ["rounding_share"] = report.RoundingShare,
            },
            console => console.WriteFacts(
            [
                ("merged model", output),
                ("precision", dtype.ToString().ToLowerInvariant()),
                ("layers changed", Numbers.Count(report.MergedLayers)),
                ("change", $"{report.UpdateShare:P3} of the norm of their weights"),
                ("rounded away", $"{report.RoundingShare:P3} of the norm of all weights"),
            ]));
        return ExitCode.Success;
    }
}
