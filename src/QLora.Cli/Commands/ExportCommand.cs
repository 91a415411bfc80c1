using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Cli.Commands;

/// <summary><c>qlora export</c>: a model in 4 bits as a folder of bitsandbytes' format.</summary>
internal sealed class ExportCommand : CliCommand
{
    private readonly ModelOptions _model = new(new QuantizationOptions(), adapter: null, runs: false);
    private readonly Option<string?> _output = NewOption.Text("--output", "Folder for the model", "DIR").Needed();
    private readonly Option<ExportFormat?> _format = NewOption.Choice<ExportFormat?>("--format", "How it is written [default: bnb]", ("bnb", ExportFormat.BitsAndBytes));
    private readonly DTypeOption _dtype = new(DType.BFloat16);
    private readonly Option<bool> _overwrite = NewOption.Flag("--overwrite", "Replace a model in --output");

    public ExportCommand() : base("export", "Write a model quantised once and for all, so that it loads in no time: 4-bit weights as bitsandbytes and transformers store them")
    {
        Add(_model);
        Add(_output);
        Add(_format);
        Add(_dtype);
        Add(_overwrite);
    }

    private enum ExportFormat { BitsAndBytes }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("NF4 with double quantisation", "qlora export --model my-model --output my-model-4bit"),
        new("A GGUF file, its other weights in full precision", "qlora export --model model.gguf --output my-model-4bit --dtype float32"),
        new("With an adapter in it: what qlora merge made", "qlora export --model my-merged-model --output my-merged-model-4bit"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var output = context.Need(_output);
        using var file = ModelFile.Open(context.Need(_model.Model));
        var text = ModelText.Of(file);
        OutputFolder.CheckTakesModel(output, context.Get(_overwrite));
        context.LeftOnDisk = "nothing was written";
        using var loaded = _model.Load(context, file);
        var dtype = _dtype.Read(context);
        QuantizedModelWriter.Save(loaded.Model, output, dtype, context.Progress("writing the model"));
        text.Save(output);
        var bytes = new DirectoryInfo(output).EnumerateFiles("*.safetensors").Sum(written => written.Length);
        context.Result(
            new JsonObject { ["model"] = output, ["format"] = "bnb", ["dtype"] = dtype.ToString().ToLowerInvariant(), ["bytes"] = bytes },
            console => console.WriteFacts(
            [
                ("model", output),
                ("format", "bitsandbytes 4-bit"),
                ("other weights", dtype.ToString().ToLowerInvariant()),
                ("size", Numbers.Bytes(bytes)),
            ]));
        return ExitCode.Success;
    }
}
