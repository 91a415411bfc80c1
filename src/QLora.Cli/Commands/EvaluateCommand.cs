using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Generation;
using QLora.Models;
using QLora.Training;

namespace QLora.Cli.Commands;

/// <summary><c>qlora evaluate</c>: how well a model, with or without an adapter, predicts a set of data.</summary>
internal sealed class EvaluateCommand : CliCommand
{
    private readonly ModelOptions _model = new(new QuantizationOptions(), "An adapter to put on the model");
    private readonly Option<string?> _data = NewOption.Text("--data", "Data, JSON lines in the forms of training", "FILE").Needed();
    private readonly DataOptions _dataOptions = new();
    private readonly Option<bool> _generate = NewOption.Flag("--generate", "Have the model answer each example greedily too, and count the answers that are exactly the data's");

    public EvaluateCommand() : base("evaluate", "Measure loss, perplexity and token accuracy on data, and how many answers are exact")
    {
        Add(_data);
        Add(_generate);
        Add(_model);
        Add(_dataOptions);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("The bare model", "qlora evaluate --model my-model --data eval.jsonl"),
        new("How many answers of a fine-tuned model are exact", "qlora evaluate --model my-model --adapter my-adapter --data eval.jsonl --generate"),
        new("With an adapter, for a script", "qlora evaluate --model my-model --adapter my-adapter --data eval.jsonl --json"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        using var file = _model.Open(context);
        var text = ModelText.Of(file);
        var path = context.Need(_data);
        var data = DataOptions.Load(context, _dataOptions.Builder(context, text), path, "data");
        if (context.Get(_generate)) _ = text.Tokenizer;
        using var loaded = _model.Load(context, file);
        double? exact = context.Get(_generate) ? ExactMatch.Share(text.ExactMatch(loaded.Model).Answer(path, context.Progress("answering"), context.Cancellation)) : null;
        var result = Evaluator.Evaluate(loaded.Model, data, progress: context.Progress("evaluating"), cancellation: context.Cancellation);
        var json = new JsonObject
        {
            ["loss"] = result.Loss,
            ["perplexity"] = Numbers.Json(result.Perplexity),
            ["token_accuracy"] = result.TokenAccuracy,
            ["examples"] = data.Examples.Count,
            ["supervised_tokens"] = result.SupervisedTokens,
        };
        if (exact is not null) json["exact_match"] = exact;
        context.Result(json, console => console.WriteFacts(
        [
            ("loss", $"{result.Loss:F5}"),
            ("perplexity", $"{result.Perplexity:F3}"),
            ("token accuracy", $"{result.TokenAccuracy:P2}"),
            .. exact is null ? [] : new[] { ("exact match", $"{exact:P2}") },
        ]));
        return ExitCode.Success;
    }
}
