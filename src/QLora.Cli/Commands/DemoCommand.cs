using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Checkpoints;
using QLora.Cli.Demo;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Cli.Training;
using QLora.Data;
using QLora.Generation;
using QLora.Models;
using QLora.Training;
using Spectre.Console;

namespace QLora.Cli.Commands;

/// <summary><c>qlora demo</c>: the whole way with nothing but this program: a bundled model, bundled data, answers before and after.</summary>
internal sealed class DemoCommand : CliCommand
{
    private const string DefaultOutput = "qlora-demo";
    private const int ShownAnswers = 5;
    private const int DefaultRows = 35200; // as many as the bundled model was made with

    private readonly Option<string?> _output = NewOption.Text("--output", $"Folder for the adapter [default: {DefaultOutput}, replaced when it is there]", "DIR");
    private readonly Option<ulong?> _seed = NewOption.Seed("--seed", "What the adapter and the order of examples are drawn from [default: 42]");
    private readonly DeviceOptions _device = new();
    private readonly Option<string?> _pretrainingText = NewOption.Text("--pretraining-text", "Instead of the demo, write text like that which the bundled model was made with", "FILE");
    private readonly Option<int?> _rows = NewOption.Integer("--rows", $"Rows of that text [default: {DefaultRows}]");

    public DemoCommand() : base("demo", "Teach a bundled tiny model to control a smart home, in a minute or two")
    {
        Add(_output);
        Add(_seed);
        Add(_device);
        Add(_pretrainingText);
        Add(_rows);
        Refuse(result => result.GetResult(_rows) is { Implicit: false } && result.GetResult(_pretrainingText) is not { Implicit: false }, "--rows needs --pretraining-text");
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("Fine-tune, and see answers before and after", "qlora demo"),
        new("The figures for a script", "qlora demo --json --output demo-adapter"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        if (context.Get(_pretrainingText) is { } path) return WritePretrainingText(context, path);
        var output = context.Get(_output) ?? DefaultOutput;
        if (context.Get(_output) is not null && TrainingFolder.Contents(output) is [var found, ..]) throw new QLoraException($"--output {output} holds an earlier run ({found}); choose another folder");
        OutputFolder.CheckWritable(output);
        TrainingFolder.Clear(output);

        using var file = ModelFile.Open(DemoFiles.Model);
        using var backend = _device.Open(context);
        using var model = file.Load(backend);
        var text = ModelText.Of(file);
        var exactMatch = text.ExactMatch(model);
        var before = exactMatch.Answer(DemoFiles.EvaluationData, context.Progress("asking the bundled model what it makes of other commands"), context.Cancellation);

        model.Adapters.AddNew(DemoFiles.Lora, context.Get(_seed) ?? 42);
        context.Note(model.ParameterCount.ToString());
        var report = Train(context, model, text.Builder(new DatasetOptions()), output);
        var after = exactMatch.Answer(DemoFiles.EvaluationData, context.Progress("asking it again"), context.Cancellation);
        WriteResult(context, output, report, before, after);
        return ExitCode.Success;
    }

    private TrainingReport Train(CommandContext context, CausalLanguageModel model, ExampleBuilder builder, string output)
    {
        var options = DemoFiles.Training with { Seed = context.Get(_seed) ?? 42 };
        using var trainer = new Trainer(model, Dataset.Load(DemoFiles.TrainingData, builder), options) { OutputFolder = output, BaseModel = DemoFiles.Model };
        return trainer.Run(new TrainingProgress(context, trainer), context.Cancellation);
    }

    private int WritePretrainingText(CommandContext context, string path)
    {
        var rows = context.Get(_rows) ?? DefaultRows;
        using var file = AtomicFile.Create(path);
        using (var writer = new StreamWriter(file.Stream, leaveOpen: true))
        {
            foreach (var row in PretrainingText.Rows(rows, seed: (int)(context.Get(_seed) ?? 42))) writer.Write(row.ToJsonString() + "\n");
        }

        file.Commit();
        context.Result(new JsonObject { ["rows"] = rows, ["file"] = path }, console => console.WriteFacts(("rows", Numbers.Count(rows)), ("file", path)));
        return ExitCode.Success;
    }

    private static void WriteResult(
        CommandContext context, string output, TrainingReport report, IReadOnlyList<AnsweredQuestion> before, IReadOnlyList<AnsweredQuestion> after)
    {
        var (shareBefore, shareAfter) = (ExactMatch.Share(before), ExactMatch.Share(after));
        context.Result(
            new JsonObject
            {
                ["exact_match_before"] = shareBefore,
                ["exact_match_after"] = shareAfter,
                ["train_seconds"] = report.TrainSeconds,
                ["tokens_per_second"] = report.TokensPerSecond,
                ["peak_memory_bytes"] = report.PeakMemoryBytes,
                ["trainable_parameters"] = report.TrainableParameters,
                ["adapter"] = output,
            },
            console =>
            {
                foreach (var (old, answer) in before.Zip(after).Take(ShownAnswers))
                {
                    console.WriteFacts((old.Question, ""), ("  before", old.Answer), ("  after", $"{answer.Answer}{(answer.IsExact ? "" : $"  (expected {answer.Expected})")}"));
                    console.WriteLine();
                }

                console.WriteFacts(
                    ($"exact answers to {after.Count} unseen commands", $"{shareBefore:P0} before, {shareAfter:P0} after"),
                    ("training", $"{Numbers.Time(report.TrainSeconds)}, {report.TokensPerSecond:F0} tokens/s"),
                    ("peak memory", Numbers.Bytes(report.PeakMemoryBytes)),
                    ("adapter", output),
                    ("try it", $"qlora generate --model {DemoFiles.Model} --adapter {output} --chat --prompt \"Open the blinds in the attic at noon\""));
            });
    }
}
