using System.CommandLine;
using System.Text.Json.Nodes;
using QLora.Cli.Frame;
using QLora.Cli.Options;
using QLora.Data;
using QLora.Models;

namespace QLora.Cli.Commands;

/// <summary><c>qlora preview</c>: what the model will see of the data, and which of it is learnt.</summary>
internal sealed class PreviewCommand : CliCommand
{
    private const int ShownToPeople = 3;

    private readonly Option<string?> _model = ModelOptions.ModelOption();
    private readonly Option<string?> _data = NewOption.Text("--data", "Data, JSON lines in the forms of training", "FILE").Needed();
    private readonly DataOptions _dataOptions = new();
    private readonly Option<int?> _limit = NewOption.Integer("--limit", $"Examples that are shown [default: {ShownToPeople}; with --json all]");

    public PreviewCommand() : base("preview", "Show examples as the model will see them, with the tokens marked that it will learn")
    {
        Add(_model);
        Add(_data);
        Add(_dataOptions);
        Add(_limit);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Example> Examples { get; } =
    [
        new("The first examples, with what is learnt in colour or in brackets", "qlora preview --model my-model --data train.jsonl"),
        new("Every token of every example, for a script", "qlora preview --model my-model --data train.jsonl --json"),
        new("Whether training on the last turn alone is what you want", "qlora preview --model my-model --data chats.jsonl --loss-on completion --limit 1"),
    ];

    /// <inheritdoc/>
    protected override int Run(CommandContext context)
    {
        using var file = ModelFile.Open(context.Need(_model));
        var path = context.Need(_data);
        InputFile.Check(path, "data");
        var limit = context.Get(_limit) ?? (context.Json ? int.MaxValue : ShownToPeople);
        var shown = 0;
        foreach (var example in Dataset.Read(path, _dataOptions.Builder(context, ModelText.Of(file))).Take(limit))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            shown++;
            if (context.Json) context.WriteJson(ToJson(example));
            else Write(context.Terminal, example, shown);
        }

        return shown > 0 ? ExitCode.Success : throw new QLoraException($"{path} has no examples; expected one JSON object a line");
    }

    private static JsonObject ToJson(EncodedExample example) => new()
    {
        ["text"] = example.Text,
        ["ids"] = new JsonArray([.. example.Example.InputIds.Select(id => (JsonNode)id)]),
        ["labels"] = new JsonArray([.. example.Example.Labels.Select(id => (JsonNode)id)]),
        ["supervised"] = new JsonArray([.. example.SupervisedSpans().Select(span => (JsonNode)example.Text[span.Start..span.End])]),
        ["truncated"] = example.IsTruncated,
    };

    private static void Write(Terminal terminal, EncodedExample example, int number)
    {
        var colors = terminal.OutputIsTerminal && terminal.UseColors;
        var (begin, end, dim, plain) = colors ? ("\e[32m", "\e[0m", "\e[2m", "\e[0m") : ("⟦", "⟧", "", "");
        var cut = example.IsTruncated ? ", cut at --max-length" : "";
        terminal.Output.WriteLine($"{dim}── example {number}: {example.Example.InputIds.Length} tokens, {example.Example.SupervisedTokens} of them learnt{cut}{plain}");
        var position = 0;
        foreach (var span in example.SupervisedSpans())
        {
            terminal.Output.Write($"{example.Text[position..span.Start]}{begin}{example.Text[span.Start..span.End]}{end}");
            position = span.End;
        }

        terminal.Output.WriteLine(example.Text[position..]);
    }
}
