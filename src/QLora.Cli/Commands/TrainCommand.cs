using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using QLora.Adapters;
using QLora.Backends;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Cli.Planning;
using QLora.Cli.Training;
using QLora.Data;
using QLora.Models;
using QLora.Training;

namespace QLora.Cli.Commands;

/// <summary><c>qlora train</c>: fine-tunes a model, or trains one whole.</summary>
internal sealed class TrainCommand : CliCommand
{
    private const string AdapterHelp = "An adapter to continue from; its own rank, alpha and targets hold";

    private readonly ModelOptions _model = new(new QuantizationOptions(), AdapterHelp);
    private readonly Option<string?> _data = NewOption.Text("--data", "Training data, JSON lines: messages, prompt and completion, text, or input_ids and labels", "FILE").Needed();
    private readonly Option<string?> _output = NewOption.Text("--output", "Folder for the adapter, metrics.jsonl and checkpoints", "DIR").Needed();
    private readonly Option<bool> _overwrite = NewOption.Flag("--overwrite", "Remove what an earlier run left in --output");
    private readonly Option<string?> _resume = NewOption.Text("--resume", "Go on from a checkpoint, or from the last one in a run's folder, exactly as that run would have", "DIR");
    private readonly Option<string?> _evalData = NewOption.Text("--eval-data", "Data on which the loss is measured, in the same forms", "FILE");
    private readonly Option<Method?> _method = MethodOption.New();
    private readonly Option<long?> _memory = MemoryOption.New("Refuse a run that needs more, before the model is loaded, and take no more of a GPU: 600MB, 8GiB; see qlora plan [default: no limit, or all that a GPU has]");
    private readonly LoraOptions _lora = new();
    private readonly DataOptions _dataOptions = new();
    private readonly TrainingOptionGroup _training = new();

    public TrainCommand() : base("train", "Fine-tune a model: write a LoRA adapter in PEFT's format")
    {
        foreach (var option in new Option[] { _model.Model, _data, _output, _evalData }) Add(option);
        Add(_lora);
        Add(_dataOptions);
        Add(_training);
        foreach (var option in new Option[] { _resume, _overwrite, _method, _memory }) Add(option);
        foreach (var option in _model.LoadOptions.Prepend(_model.AdapterOption)) Add(option);
        Add(ConfigOption);
        Refuse(result => result.IsFull(_method) && IsGiven(result, [.. _lora.All, .. _model.QuantizationOptions, _model.AdapterOption]), "--method full trains every weight in full precision, and takes no option of an adapter or of quantisation");
        Refuse(result => IsGiven(result, _model.AdapterOption) && IsGiven(result, [.. _lora.All]), "--adapter brings its own settings; leave out --rank, --alpha, --dropout, --target-modules and --use-rslora");
        Refuse(result => IsGiven(result, _training.EvalSteps) && !IsGiven(result, _evalData), "--eval-steps needs --eval-data");
        Refuse(result => IsGiven(result, _resume) && IsGiven(result, _overwrite), "--resume goes on with what --overwrite would remove; leave one out");
    }

    /// <inheritdoc/>
    public override Option<string?> ConfigOption { get; } = OptionsFile.NewOption();

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("QLoRA on every linear layer", "qlora train --model my-model --data train.jsonl --output my-adapter --rank 16 --alpha 32 --epochs 2 --batch-size 8 --learning-rate 5e-4"),
        new("Attention only, with checkpoints and evaluation", "qlora train --model model.gguf --data train.jsonl --eval-data eval.jsonl --output my-adapter --target-modules q_proj,v_proj --save-steps 50 --eval-steps 50"),
        new("Go on after an interruption", "qlora train --model my-model --data train.jsonl --output my-adapter --save-steps 50 --resume my-adapter"),
        new("A base that is not quantised", "qlora train --model my-model --data train.jsonl --output my-adapter --quantization none"),
        new("Settings from a file", "qlora train --config settings.json --output my-adapter --seed 7"),
        new("Not with more than 2 GiB", "qlora train --model my-model --data train.jsonl --output my-adapter --memory 2GiB"),
        new("Every weight of a small model", "qlora train --model tiny --data text.jsonl --output trained --method full --learning-rate 1e-3"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        var options = _training.Read(context, _model.Device.Name(context)).Validated();
        var output = context.Need(_output);
        CheckOutput(context, output);
        context.LeftOnDisk = "nothing was written";
        using var file = _model.Open(context);
        var full = context.Get(_method) == Method.Full;
        var lora = _model.Adapter(context) is { } adapter ? LoraConfig.Load(adapter) : _lora.Read(context);
        if (!full) context.Note(ParameterCount.Of(file.Modules, lora).ToString());
        var text = ModelText.Of(file);
        var builder = _dataOptions.Builder(context, text);
        var data = DataOptions.Load(context, builder, context.Need(_data), "training data");
        var evaluationData = context.Get(_evalData) is { } path ? DataOptions.Load(context, builder, path, "evaluation data") : null;

        var quantization = full ? QuantizationOptions.None : _model.Quantization(context);
        var memory = context.Get(_memory) ?? MemoryOfGpu(context);
        var plan = memory is { } most ? TrainingPlan.Of(
            _model.Device.Planner(context, file, quantization, most), full ? null : lora, options, _model.ComputeDType(context), data, evaluationData, most) : null;
        foreach (var (name, value) in plan?.Budgets ?? []) context.Note($"{name}: {value}");
        if (plan is { Fits: false })
        {
            context.Terminal.WriteError($"the run {plan.Verdict}");
            return ExitCode.FailedCheck;
        }

        try
        {
            using var loaded = _model.Load(context, file, quantization, memory);
            if (full) loaded.Model.TrainAllWeights();
            else if (loaded.Model.Adapters.Active is null) loaded.Model.Adapters.AddNew(lora, options.Seed);
            var report = Train(context, loaded.Model, data, evaluationData, options, output);
            if (full) text.Save(output);
            WriteReport(context, report, output, full);
            return ExitCode.Success;
        }
        catch (DeviceMemoryException cause) when (plan is not null)
        {
            throw new QLoraException($"{cause.Message}. The plan was: {string.Join(", ", plan.Budgets.Select(budget => $"{budget.Name} {budget.Value}"))}; something else may use the device", cause);
        }
    }

    private long? MemoryOfGpu(CommandContext context) => Devices.HasOwnMemory(_model.Device.Name(context)) ? Devices.MemoryOf(_model.Device.Name(context)) : null;

    private TrainingReport Train(CommandContext context, CausalLanguageModel model, Dataset data, Dataset? evaluationData, TrainingOptions options, string output)
    {
        using var trainer = new Trainer(model, data, options) { EvaluationData = evaluationData, OutputFolder = output, BaseModel = context.Need(_model.Model) };
        if (context.Get(_resume) is { } resume)
        {
            var checkpoint = TrainingFolder.LastCheckpoint(resume) ?? resume;
            trainer.Resume(checkpoint);
            context.Note($"going on from {checkpoint}, {trainer.StepsDone} of {trainer.TotalSteps} steps are done");
        }

        if (context.Get(_overwrite)) TrainingFolder.Clear(output);
        try
        {
            return trainer.Run(new TrainingProgress(context, trainer), context.Cancellation);
        }
        catch (OperationCanceledException)
        {
            context.LeftOnDisk = $"{trainer.StepsDone} of {trainer.TotalSteps} steps were done; " + (TrainingFolder.LastCheckpoint(output) is { } last
                ? $"the last checkpoint is {last}, go on with --resume {last}"
                : "no checkpoint was written (--save-steps writes them)");
            throw;
        }
    }

    private void CheckOutput(CommandContext context, string output)
    {
        OutputFolder.CheckWritable(output);
        if (context.Get(_overwrite) || context.Get(_resume) is not null || TrainingFolder.Contents(output) is not [var found, ..]) return;
        throw new QLoraException($"--output {output} holds an earlier run ({found}); choose another folder, or give --overwrite, or --resume {output} to go on with it");
    }

    private static void WriteReport(CommandContext context, TrainingReport report, string output, bool full) => context.Result(
        new JsonObject
        {
            ["steps"] = report.Steps,
            ["loss"] = report.Loss,
            ["eval_loss"] = report.EvaluationLoss,
            ["tokens_per_second"] = report.TokensPerSecond,
            ["train_seconds"] = report.TrainSeconds,
            ["peak_memory_bytes"] = report.PeakMemoryBytes,
            ["trainable_parameters"] = report.TrainableParameters,
            ["adapter"] = full ? null : output,
            ["model"] = full ? output : null,
        },
        console => console.WriteFacts(
        [
            (full ? "model" : "adapter", output),
            ("steps", Numbers.Count(report.Steps)),
            ("loss of the last step", $"{report.Loss:F4}"),
            .. report.EvaluationLoss is { } loss ? new[] { ("evaluation loss", $"{loss:F4}") } : [],
            ("trained parameters", Numbers.Count(report.TrainableParameters)),
            ("training time", Numbers.Time(report.TrainSeconds)),
            ("tokens per second", $"{report.TokensPerSecond:F0}"),
            ("peak memory", Numbers.Bytes(report.PeakMemoryBytes)),
        ]));
}
