using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Backends;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Models;
using QLora.Tensors;

namespace QLora.Cli.Commands;

/// <summary><c>qlora init</c>: a model with random weights from a config.</summary>
internal sealed class InitCommand : CliCommand
{
    private readonly Argument<string> _config = new("CONFIG") { Description = "A config.json, or a folder with one; a tokenizer beside it comes along" };
    private readonly Option<string?> _output = NewOption.Text("--output", "Folder for the model", "DIR").Needed();
    private readonly Option<ulong?> _seed = NewOption.Seed("--seed", "What the weights are drawn from [default: 42]");
    private readonly DTypeOption _dtype = new(DType.Float32);
    private readonly Option<bool> _overwrite = NewOption.Flag("--overwrite", "Replace a model in --output");

    public InitCommand() : base("init", "Make a model with random weights from a config, to be trained with --method full")
    {
        Add(_config);
        Add(_output);
        Add(_seed);
        Add(_dtype);
        Add(_overwrite);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("A new model", "qlora init config.json --output tiny --seed 7"),
        new("And its training", "qlora train --model tiny --data text.jsonl --output trained --method full"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var output = context.Need(_output);
        using var source = ModelFile.Open(FolderOf(context.Get(_config)));
        var text = ModelText.Of(source);
        OutputFolder.CheckTakesModel(output, context.Get(_overwrite));
        context.LeftOnDisk = "nothing was written";
        using var backend = Devices.Open(Devices.Cpu);
        using var model = source.Family.CreateRandom(source.Config, backend, context.Get(_seed) ?? 42);
        ModelMerger.Save(model, output, _dtype.Read(context), context.Progress("writing the model"));
        text.Save(output);
        var parameters = model.ParameterCount.All;
        context.Result(
            new JsonObject { ["model"] = output, ["model_type"] = source.Config.ModelType, ["parameters"] = parameters },
            console => console.WriteFacts([("model", output), ("parameters", Numbers.Count(parameters))]));
        return ExitCode.Success;
    }

    private static string FolderOf(string config) => File.Exists(config) && Path.GetFileName(config) == "config.json" ? Path.GetDirectoryName(Path.GetFullPath(config))! : config;
}
